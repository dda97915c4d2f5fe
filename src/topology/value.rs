//! Values as they stand in a TOML file, each with its place: the words between the syntax and the
//! raw mirror.
//!
//! A value that is wrong is reported and left out, and reading goes on: every problem of a file is
//! found in one pass. (Deserialising would stop at the first.) Nothing here knows nodes or links.

use super::model::HedgeAfter;
use super::problem::{Problems, Span};
use super::words::{self, Choice, quoted};
use crate::base::units;
use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use std::borrow::Cow;
use std::time::Duration;
use toml::Spanned;
use toml::de::{DeTable, DeValue};

/// A value with its place and, where it has one, its key's.
#[derive(Debug, Clone, PartialEq)]
#[expect(clippy::struct_field_names, reason = "`names.at` reads as where the names are")]
pub struct At<T> {
    /// The value.
    pub value: T,
    /// Where the value stands.
    pub at: Span,
    /// Where its key stands; the value's place in lists.
    pub key: Span,
}

/// Something that can be read from a TOML value.
pub trait Read: Sized {
    /// What to write where a list of these belongs.
    const LIST: &'static str = "write a list, such as [\"…\", \"…\"]";

    /// The value; none after a problem was reported.
    fn read(value: &DeValue<'_>, at: Span, problems: &mut Problems) -> Option<Self>;
}

/// The place of something spanned in the topology file itself.
pub fn span_of<T>(spanned: &Spanned<T>) -> Span {
    let range = spanned.span();
    let number = |at: usize| u32::try_from(at).unwrap_or(u32::MAX);
    Span { source: 0, start: number(range.start), end: number(range.end) }
}

/// Reads a value together with its place.
pub fn read_at<T: Read>(
    key: Span,
    value: &Spanned<DeValue<'_>>,
    problems: &mut Problems,
) -> Option<At<T>> {
    let at = span_of(value);
    T::read(value.get_ref(), at, problems).map(|value| At { value, at, key })
}

/// The entries of a table in the order of the file (the parser sorts them by key).
pub fn entries<'a, 'i>(table: &'a DeTable<'i>) -> Vec<(Span, &'a str, &'a Spanned<DeValue<'i>>)> {
    let mut entries: Vec<_> =
        table.iter().map(|(key, value)| (span_of(key), key.get_ref().as_ref(), value)).collect();
    entries.sort_by_key(|(at, ..)| *at);
    entries
}

/// Reports a value of the wrong type.
pub fn wrong_type(value: &DeValue<'_>, at: Span, wanted: &str, problems: &mut Problems) {
    let found = match value {
        DeValue::String(_) => "a string",
        DeValue::Integer(_) | DeValue::Float(_) => "a number",
        DeValue::Boolean(_) => "true or false",
        DeValue::Datetime(_) => "a date",
        DeValue::Array(_) => "a list",
        DeValue::Table(_) => "a table",
    };
    problems.error(at, format!("this is {found}, where something else belongs")).help(wanted);
}

impl Read for String {
    fn read(value: &DeValue<'_>, at: Span, problems: &mut Problems) -> Option<Self> {
        if let DeValue::String(text) = value {
            return Some(text.to_string());
        }
        let help = match value {
            DeValue::Integer(_) | DeValue::Float(_) | DeValue::Boolean(_) => {
                "write it in quotes, as a string"
            }
            _ => "write a string, such as \"…\"",
        };
        wrong_type(value, at, help, problems);
        None
    }
}

impl<T: Read> Read for Vec<At<T>> {
    fn read(value: &DeValue<'_>, at: Span, problems: &mut Problems) -> Option<Self> {
        let DeValue::Array(array) = value else {
            wrong_type(value, at, T::LIST, problems);
            return None;
        };
        let read = |item| read_at(span_of(item), item, problems);
        // A list that lacks something is not used, or what it lacks would be reported as well.
        let list: Vec<Option<At<T>>> = array.iter().map(read).collect();
        list.into_iter().collect()
    }
}

/// The text of a number, as it is written.
fn number_text(value: &DeValue<'_>) -> Option<String> {
    match value {
        DeValue::Integer(integer) if integer.radix() == 10 => Some(integer.as_str().to_owned()),
        DeValue::Integer(integer) => {
            i128::from_str_radix(integer.as_str(), integer.radix()).ok().map(|n| n.to_string())
        }
        DeValue::Float(float) => {
            let value: f64 = float.as_str().parse().ok()?;
            // Written out, so that `1e3` and `1_000.0` reach the parsers of units in one form.
            Some(if value.is_finite() { format!("{value}") } else { float.as_str().to_owned() })
        }
        _ => None,
    }
}

/// A type whose values are one string (or one number), read by a function that answers with a
/// sentence.
macro_rules! unit {
    ($(#[$doc:meta])* $name:ident($inner:ty), $parse:expr, numbers: $numbers:literal,
     $wanted:literal,
     schema: $schema:tt) => {
        $(#[$doc])*
        #[derive(Debug, Clone, Copy, PartialEq)]
        pub struct $name(pub $inner);

        impl Read for $name {
            fn read(value: &DeValue<'_>, at: Span, problems: &mut Problems) -> Option<Self> {
                let number = number_text(value);
                let text = match (value, &number) {
                    (DeValue::String(text), _) => text.as_ref(),
                    (_, Some(number)) => number.as_str(),
                    _ => {
                        wrong_type(value, at, $wanted, problems);
                        return None;
                    }
                };
                if number.is_some() && text.parse().is_ok_and(|figure: f64| !figure.is_finite()) {
                    problems.error(at, format!("{} is no figure", quoted(text))).help($wanted);
                    return None;
                }
                let parse: fn(&str) -> Result<$inner, String> = $parse;
                match parse(text) {
                    Ok(_) if number.is_some() && !$numbers && text != "0" => {
                        problems.error(at, "a figure without its unit").help($wanted);
                        None
                    }
                    Ok(inner) => Some(Self(inner)),
                    Err(why) => {
                        let (message, help) = halves(&why);
                        let help = match help {
                            "" if message.contains("longer than") => "write at most \"24h\"",
                            "" => $wanted,
                            help => help,
                        };
                        problems.error(at, message).help(help);
                        None
                    }
                }
            }
        }

        impl JsonSchema for $name {
            fn schema_name() -> Cow<'static, str> {
                stringify!($name).into()
            }
            fn json_schema(_: &mut SchemaGenerator) -> Schema {
                json_schema!($schema)
            }
        }
    };
}

/// What is wrong, and the remedy, of a sentence such as "`5` has no unit: write …".
fn halves(sentence: &str) -> (String, &str) {
    // A colon inside the quoted text is not ours.
    let after = sentence.rfind('`').map_or(0, |at| at + 1);
    match sentence[after..].find(": ") {
        Some(colon) => {
            let at = after + colon;
            (sentence[..at].to_owned(), sentence[at + 2..].trim())
        }
        None => (sentence.to_owned(), ""),
    }
}

/// A time that is more than nothing.
///
/// # Errors
/// As [`units::duration`], and for zero.
pub fn positive(text: &str) -> Result<Duration, String> {
    match units::duration(text)? {
        Duration::ZERO => Err(format!("`{}` is too short: it must be more than zero", text.trim())),
        time => Ok(time),
    }
}

unit!(
    /// A time, perhaps zero.
    Time(Duration), units::duration, numbers: false,
    "write a time with its unit, such as \"300ms\" or \"5s\"",
    schema: { "type": "string", "pattern": "^[0-9.]+ ?(ns|us|µs|ms|s|sec|m|min|h)$|^0$" }
);
unit!(
    /// A time that is more than nothing.
    Wait(Duration), positive, numbers: false,
    "write a time with its unit, such as \"300ms\" or \"5s\"",
    schema: { "type": "string", "pattern": "^[0-9.]+ ?(ns|us|µs|ms|s|sec|m|min|h)$" }
);
unit!(
    /// A time, perhaps zero, or a percentile of the times seen.
    TimeOrPercentile(HedgeAfter), HedgeAfter::parse, numbers: false,
    "write a time with its unit, such as \"95ms\", or a percentile, such as \"p95\"",
    schema: {
        "type": "string",
        "pattern": "^([0-9.]+ ?(ns|us|µs|ms|s|sec|m|min|h)|0|p[5-9][0-9])$",
    }
);
unit!(
    /// A share between nothing and everything.
    Share(f64), units::share, numbers: true,
    "write a share, such as \"30%\" or 0.3",
    schema: { "anyOf": [
        { "type": "number", "minimum": 0, "maximum": 1 },
        { "type": "string", "pattern": "^[0-9.]+ ?%?$" }
    ] }
);
unit!(
    /// Events a second.
    Rate(f64), units::per_second, numbers: true,
    "write a rate, such as 50 or \"50/s\"",
    schema: { "anyOf": [
        { "type": "number", "minimum": 0, "maximum": 1_000_000 },
        { "type": "string", "pattern": "^[0-9.]+(/s|/min)?$" }
    ] }
);
unit!(
    /// Bytes a second.
    Bandwidth(u64), units::bandwidth, numbers: false,
    "write a bandwidth, such as \"1Mbit\" or \"10MB\"",
    schema: {
        "type": "string",
        "pattern": "^[0-9.]+ ?(bit|kbit|Mbit|Gbit|B|kB|MB|GB|KiB|MiB)(/s)?$",
    }
);

/// A whole number in a range.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Whole<const MIN: u64, const MAX: u64>(pub u64);

/// Any number of failures, successes, workers or waiting questions is at most this.
pub const COUNT_MAX: u64 = 1_000_000;

impl<const MIN: u64, const MAX: u64> Read for Whole<MIN, MAX> {
    fn read(value: &DeValue<'_>, at: Span, problems: &mut Problems) -> Option<Self> {
        let range = || format!("write a whole number from {MIN} to {}", units::grouped(MAX));
        let DeValue::Integer(integer) = value else {
            wrong_type(value, at, &range(), problems);
            return None;
        };
        let number = i128::from_str_radix(integer.as_str(), integer.radix()).ok();
        let number = number.and_then(|number| u64::try_from(number).ok());
        let number = number.filter(|number| (MIN..=MAX).contains(number));
        if number.is_none() {
            let message = format!("{} is out of range", quoted(integer.as_str()));
            problems.error(at, message).help(range());
        }
        number.map(Self)
    }
}

impl<const MIN: u64, const MAX: u64> JsonSchema for Whole<MIN, MAX> {
    fn schema_name() -> Cow<'static, str> {
        format!("WholeFrom{MIN}To{MAX}").into()
    }
    fn inline_schema() -> bool {
        true
    }
    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({ "type": "integer", "minimum": MIN, "maximum": MAX })
    }
}

/// `true`, `false`, `"on"` or `"off"`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct OnOff(pub bool);

impl Read for OnOff {
    fn read(value: &DeValue<'_>, at: Span, problems: &mut Problems) -> Option<Self> {
        match value {
            DeValue::Boolean(on) => Some(Self(*on)),
            DeValue::String(word) if word == "on" => Some(Self(true)),
            DeValue::String(word) if word == "off" => Some(Self(false)),
            DeValue::String(word) => {
                let message = format!("{} is neither on nor off", quoted(word));
                problems.error(at, message).help("write true, false, \"on\" or \"off\"");
                None
            }
            _ => {
                wrong_type(value, at, "write true, false, \"on\" or \"off\"", problems);
                None
            }
        }
    }
}

impl JsonSchema for OnOff {
    fn schema_name() -> Cow<'static, str> {
        "OnOff".into()
    }
    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({ "enum": [true, false, "on", "off"] })
    }
}

/// One word of a closed list.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Word<T>(pub T);

impl<T: Choice> Read for Word<T> {
    fn read(value: &DeValue<'_>, at: Span, problems: &mut Problems) -> Option<Self> {
        let DeValue::String(word) = value else {
            let all = words::list(T::ALL.iter().map(|(word, _)| *word));
            wrong_type(value, at, &format!("write a {} in quotes: {all}", T::WHAT), problems);
            return None;
        };
        match words::choose(word) {
            Ok(value) => Some(Self(value)),
            Err((message, help)) => {
                problems.error(at, message).help(help);
                None
            }
        }
    }
}

impl<T: Choice> JsonSchema for Word<T> {
    fn schema_name() -> Cow<'static, str> {
        let first = T::ALL.first().map_or("", |(word, _)| *word);
        format!("{}-{first}", T::WHAT.replace(' ', "-")).into()
    }
    fn inline_schema() -> bool {
        true
    }
    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        let all: Vec<&str> = T::ALL.iter().map(|(word, _)| *word).collect();
        json_schema!({ "enum": all })
    }
}

/// One thing or a list of them: `"ls"` or `["ts1", "ts2"]`.
#[derive(Debug, Clone, PartialEq)]
pub struct OneOrMore<T>(pub Vec<At<T>>);

impl<T: Read> Read for OneOrMore<T> {
    fn read(value: &DeValue<'_>, at: Span, problems: &mut Problems) -> Option<Self> {
        if let DeValue::Array(_) = value {
            return Vec::read(value, at, problems).map(Self);
        }
        let value = T::read(value, at, problems)?;
        Some(Self(vec![At { value, at, key: at }]))
    }
}

impl<T: JsonSchema> JsonSchema for OneOrMore<T> {
    fn schema_name() -> Cow<'static, str> {
        format!("OneOrMore_{}", T::schema_name()).into()
    }
    fn inline_schema() -> bool {
        true
    }
    fn json_schema(generator: &mut SchemaGenerator) -> Schema {
        let one = generator.subschema_for::<T>();
        json_schema!({ "anyOf": [one, { "type": "array", "items": one }] })
    }
}

impl<T: JsonSchema> JsonSchema for At<T> {
    fn schema_name() -> Cow<'static, str> {
        T::schema_name()
    }
    fn inline_schema() -> bool {
        true
    }
    fn json_schema(generator: &mut SchemaGenerator) -> Schema {
        generator.subschema_for::<T>()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read<T: Read>(text: &str) -> Result<T, String> {
        let text = format!("a = {text}");
        let mut problems = Problems::new("a.toml", &text);
        let (table, errors) = DeTable::parse_recoverable(&text);
        assert!(errors.is_empty(), "{errors:?}");
        let value = &table.get_ref()["a"];
        read_at::<T>(Span::default(), value, &mut problems).map(|at| at.value).ok_or_else(|| {
            let problem = problems.iter().next().unwrap();
            format!("{} | {}", problem.message, problem.help)
        })
    }

    #[test]
    fn times_want_a_unit_and_say_so() {
        assert_eq!(read::<Time>("\"300ms\"").unwrap().0, Duration::from_millis(300));
        assert_eq!(read::<Time>("0").unwrap().0, Duration::ZERO);
        for bad in ["5", "5.0", "\"5\"", "nan", "-inf", "1e18", "true", "\"-5s\"", "[]", "{}"] {
            let why = read::<Time>(bad).unwrap_err();
            assert!(!why.ends_with("| "), "{bad}: {why}");
        }
        assert!(read::<Wait>("0").is_err() && read::<Wait>("\"0s\"").is_err());
    }

    #[test]
    fn shares_and_rates_may_be_numbers() {
        assert_eq!(read::<Share>("0.3").unwrap().0.to_bits(), 0.3_f64.to_bits());
        assert_eq!(read::<Rate>("1e3").unwrap().0.to_bits(), 1000.0_f64.to_bits());
        for bad in ["101", "nan", "-0.1", "\"101%\"", "inf"] {
            assert!(read::<Share>(bad).is_err(), "{bad}");
        }
        assert!(read::<Bandwidth>("5").is_err());
    }

    #[test]
    fn whole_numbers_keep_to_their_range() {
        assert_eq!(read::<Whole<0, 65535>>("0xFFFF").unwrap().0, 65535);
        for bad in ["65536", "-1", "1.0", "\"1\"", "99999999999999999999999999999999999999999999"] {
            assert!(read::<Whole<0, 65535>>(bad).is_err(), "{bad}");
        }
    }
}
