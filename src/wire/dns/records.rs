//! Records of the vocabulary and those of the codec, one for one.
//!
//! A type that nobody here has a use for is passed on as its bytes, with names in it written out (RFC 3597, 4).

use super::names;
use crate::message::{Data, RecordType, Rr, Soa};
use hickory_proto::rr::rdata::{A, AAAA, CNAME, MX, NS, NULL, SOA, TXT};
use hickory_proto::rr::{DNSClass, RData, Record, RecordType as Kind};
use hickory_proto::serialize::binary::{BinEncodable, BinEncoder, NameEncoding};
use std::sync::Arc;

/// For the codec; none for a name that DNS has no room for.
pub fn record(rr: &Rr) -> Option<Record> {
    let data = match &rr.data {
        Data::A(address) => RData::A(A(*address)),
        Data::Aaaa(address) => RData::AAAA(AAAA(*address)),
        Data::Ns(name) => RData::NS(NS(names::name(name)?)),
        Data::Cname(name) => RData::CNAME(CNAME(names::name(name)?)),
        Data::Mx { preference, exchange } => {
            RData::MX(MX::new(*preference, names::name(exchange)?))
        }
        Data::Txt(strings) => {
            RData::TXT(TXT::from_bytes(strings.iter().map(AsRef::as_ref).collect()))
        }
        Data::Soa(soa) => RData::SOA(SOA::new(
            names::name(&soa.primary)?,
            names::name(&soa.mailbox)?,
            soa.serial,
            signed(soa.refresh),
            signed(soa.retry),
            signed(soa.expire),
            soa.minimum,
        )),
        Data::Other(kind, bytes) if bytes.is_empty() => RData::Update0(Kind::from(kind.0)),
        Data::Other(kind, bytes) => {
            RData::Unknown { code: Kind::from(kind.0), rdata: NULL::with(bytes.to_vec()) }
        }
    };
    Some(Record::from_rdata(names::name(&rr.name)?, rr.ttl, data))
}

/// From the codec; none for what is of another class or cannot be written again.
pub fn rr(record: &Record) -> Option<Rr> {
    if record.dns_class != DNSClass::IN {
        return None;
    }
    let data = match &record.data {
        RData::A(A(address)) => Data::A(*address),
        RData::AAAA(AAAA(address)) => Data::Aaaa(*address),
        RData::NS(NS(name)) => Data::Ns(names::text(name)),
        RData::CNAME(CNAME(name)) => Data::Cname(names::text(name)),
        RData::MX(mx) => {
            Data::Mx { preference: mx.preference, exchange: names::text(&mx.exchange) }
        }
        RData::TXT(txt) => Data::Txt(txt.txt_data.iter().map(|one| Arc::from(&**one)).collect()),
        RData::SOA(soa) => Data::Soa(Arc::new(Soa {
            primary: names::text(&soa.mname),
            mailbox: names::text(&soa.rname),
            serial: soa.serial,
            refresh: unsigned(soa.refresh),
            retry: unsigned(soa.retry),
            expire: unsigned(soa.expire),
            minimum: soa.minimum,
        })),
        RData::Unknown { code, rdata } => other(*code, &rdata.anything),
        RData::Update0(kind) => other(*kind, &[]),
        data => {
            let mut bytes = Vec::new();
            let mut encoder = BinEncoder::new(&mut bytes);
            encoder.set_name_encoding(NameEncoding::Uncompressed);
            data.emit(&mut encoder).ok()?;
            other(record.record_type(), &bytes)
        }
    };
    Some(Rr { name: names::text(&record.name), ttl: record.ttl, data })
}

fn other(kind: Kind, bytes: &[u8]) -> Data {
    Data::Other(RecordType(kind.into()), Arc::from(bytes))
}

/// The codec holds times as signed numbers; on the wire they are the same bits.
const fn signed(seconds: u32) -> i32 {
    seconds.cast_signed()
}

const fn unsigned(seconds: i32) -> u32 {
    seconds.cast_unsigned()
}
