//! What a TS finds in its table and its zones (RFC 1034, 4.3.2): the records asked for, the alias that leads there, or
//! that there is none, with the zone's beginning, so that others know for how long that holds (RFC 2308).

use super::{Found, Ts};
use crate::machine::asked::Asked;
use crate::message::{Data, HostName, Outcome, Query, Rcode, RecordType, Response, Rr, Said};
use crate::topology::{ALIASES_MAX, OnMiss, Zone};
use std::sync::Arc;

impl Ts {
    /// What there is for a question.
    pub(super) fn find(&self, asked: &Asked) -> Found {
        let records = &self.config.records;
        let query = asked.dns.unwrap_or(Query::new(RecordType::A));
        match records.zone_of(&asked.name) {
            Some(zone) => Found::InZone(within(zone, &asked.name, query)),
            // Whose zone this is, others know.
            None if records.has_zones() => Found::InZone(Response::new(query, Rcode::Refused)),
            None => records.get(&asked.name).cloned().map_or(Found::Nothing, Found::InTable),
        }
    }

    /// What is said of what was found in a zone; nothing where there is none and this TS says nothing then.
    pub(super) fn of_zone(
        &self,
        found: Response,
        name: &HostName,
        response: &mut Option<Arc<Response>>,
    ) -> (Outcome, Option<Said>) {
        let said = found.said();
        let outcome = match &said {
            Said::Found { .. } => Outcome::Answered,
            Said::Negative | Said::NoRecord => Outcome::Negative,
            Said::Failed(_) | Said::NotFound => Outcome::Failed,
        };
        let is_none = !matches!(said, Said::Found { .. });
        if is_none && self.config.on_miss == OnMiss::Silent {
            return (outcome, None);
        }
        let lie = self.config.lie.then(|| self.lie_of(&found, name)).flatten();
        let found = lie.unwrap_or(found);
        let said = if is_none { said } else { found.said() };
        *response = Some(Arc::new(found));
        (outcome, Some(said))
    }

    /// The same with wrong addresses.
    fn lie_of(&self, found: &Response, name: &HostName) -> Option<Response> {
        let wrong = |rr: &Rr| match &rr.data {
            Data::A(truth) => {
                let lie = self.wrong_address(&truth.to_string(), name).parse().ok()?;
                Some(Rr { data: Data::A(lie), ..rr.clone() })
            }
            _ => Some(rr.clone()),
        };
        let answers: Option<Arc<[Rr]>> = found.answers.iter().map(wrong).collect();
        Some(Response { answers: answers?, ..found.clone() })
    }
}

/// What a zone says of a name that lies in it.
fn within(zone: &Zone, name: &HostName, query: Query) -> Response {
    let mut answers = Vec::new();
    let mut at = name.clone();
    for _ in 0..ALIASES_MAX {
        let Some(set) = zone.at(&at) else {
            // An alias into nothing: the name at its end is what does not exist (RFC 6604, 3).
            let rcode = if zone.contains(&at) { Rcode::NxDomain } else { Rcode::NoError };
            return settled(zone, query, rcode, answers);
        };
        let own = |rr: &Rr| Rr { name: at.clone(), ..rr.clone() };
        let fits = |rr: &&Rr| rr.data.kind() == query.kind || query.kind == RecordType::ANY;
        let before = answers.len();
        answers.extend(set.iter().filter(fits).map(own));
        if answers.len() > before {
            break;
        }
        let alias = set.iter().find(|rr| rr.data.kind() == RecordType::CNAME);
        let Some(Rr { data: Data::Cname(to), .. }) = alias else { break };
        answers.extend(alias.map(own));
        at = to.clone();
    }
    settled(zone, query, Rcode::NoError, answers)
}

/// The response with these answers. Where what was asked for is not among them, and not elsewhere either, the zone's
/// beginning says so and for how long.
fn settled(zone: &Zone, query: Query, rcode: Rcode, answers: Vec<Rr>) -> Response {
    let fits = |rr: &Rr| rr.data.kind() == query.kind || query.kind == RecordType::ANY;
    let leads_out =
        answers.last().is_some_and(|rr| matches!(&rr.data, Data::Cname(to) if !zone.contains(to)));
    let authority: Arc<[Rr]> = if answers.iter().any(fits) || leads_out {
        Arc::from([])
    } else {
        Arc::from([zone.negative()])
    };
    let response = Response::new(query, rcode);
    Response { authoritative: true, answers: answers.into(), authority, ..response }
}
