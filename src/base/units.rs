//! Times, rates, shares and sizes as people write and read them: `300ms`, `50/s`, `30%`, `1MiB`.
//!
//! Parsing answers with a sentence that a student understands; formatting keeps unit and figure together.

use std::time::Duration;

/// The longest time a file or a command may state: a day.
pub const DURATION_MAX: Duration = Duration::from_secs(24 * 60 * 60);

/// Reads `"300ms"`, `"5s"`, `"1.5s"`, `"2min"`, `"40us"`, `"0"`.
///
/// # Errors
/// A sentence that says what is wrong and shows a right form.
pub fn duration(text: &str) -> Result<Duration, String> {
    let text = text.trim();
    if text == "0" {
        return Ok(Duration::ZERO);
    }
    let (figure, unit) = split(text);
    let hint = "write a time with its unit, such as \"300ms\" or \"5s\"";
    let seconds_per_unit = match unit {
        "ns" => 1e-9,
        "us" | "µs" | "μs" => 1e-6,
        "ms" => 1e-3,
        "s" | "sec" => 1.0,
        "m" | "min" => 60.0,
        "h" => 3600.0,
        "" => return Err(format!("`{text}` has no unit: {hint}")),
        other => return Err(format!("`{other}` is no unit of time: use ns, us, ms, s, min or h")),
    };
    let figure: f64 = number(figure).ok_or_else(|| format!("`{text}` is no time: {hint}"))?;
    if figure < 0.0 {
        return Err(format!("`{text}` is negative: a time is zero or more"));
    }
    let seconds = figure * seconds_per_unit;
    if seconds > DURATION_MAX.as_secs_f64() {
        return Err(format!("`{text}` is longer than a day, the longest time there is here"));
    }
    Ok(Duration::from_secs_f64(seconds))
}

/// Reads a share: `"30%"` or `0.3`, in `[0, 1]`.
///
/// # Errors
/// A sentence that says what is wrong and shows a right form.
pub fn share(text: &str) -> Result<f64, String> {
    let text = text.trim();
    let (figure, divisor) = match text.strip_suffix('%') {
        Some(rest) => (rest.trim_end(), 100.0),
        None => (text, 1.0),
    };
    let value = number(figure)
        .ok_or_else(|| format!("`{text}` is no share: write \"30%\" or 0.3"))?
        / divisor;
    if (0.0..=1.0).contains(&value) {
        Ok(value)
    } else {
        Err(format!("`{text}` is out of range: a share lies between 0 % and 100 %"))
    }
}

/// Reads a rate in events a second: `"50"`, `"50/s"`, `"30/min"`. At most a million a second.
///
/// # Errors
/// A sentence that says what is wrong and shows a right form.
pub fn per_second(text: &str) -> Result<f64, String> {
    let text = text.trim();
    let (figure, divisor) = match text.split_once('/') {
        None | Some((_, "s")) => (text.split('/').next().unwrap_or(text), 1.0),
        Some((figure, "min")) => (figure, 60.0),
        Some((_, other)) => {
            return Err(format!("`/{other}` is no unit of a rate: write 50/s or 30/min"));
        }
    };
    let value = number(figure)
        .ok_or_else(|| format!("`{text}` is no rate: write 50, 50/s or 30/min"))?
        / divisor;
    if (0.0..=1e6).contains(&value) {
        Ok(value)
    } else {
        Err(format!("`{text}` is out of range: a rate lies between 0 and 1,000,000 a second"))
    }
}

/// Reads a bandwidth and gives bytes a second: `"1Mbit"`, `"64kbit"`, `"10MB"`, `"1MiB"`, each with or without `/s`.
///
/// # Errors
/// A sentence that says what is wrong and shows a right form.
pub fn bandwidth(text: &str) -> Result<u64, String> {
    let text = text.trim();
    let bare = text.strip_suffix("/s").unwrap_or(text);
    let (figure, unit) = split(bare);
    let bytes_per_unit = match unit {
        "bit" => 0.125,
        "kbit" => 125.0,
        "Mbit" => 125_000.0,
        "Gbit" => 125_000_000.0,
        "B" => 1.0,
        "kB" => 1e3,
        "MB" => 1e6,
        "GB" => 1e9,
        "KiB" => 1024.0,
        "MiB" => 1_048_576.0,
        _ => {
            return Err(format!(
                "`{text}` is no bandwidth: write \"64kbit\", \"1Mbit\" or \"10MB\", \
                 a second being understood"
            ));
        }
    };
    let value = number(figure)
        .ok_or_else(|| format!("`{text}` is no bandwidth: write \"1Mbit\""))?
        * bytes_per_unit;
    if (1.0..=1e12).contains(&value) {
        Ok(value as u64)
    } else {
        Err(format!("`{text}` is out of range: at least 1 byte a second"))
    }
}

/// A span for people: `71 ms`, `0.4 ms`, `5.0 s`, `2 min 05 s`.
#[must_use]
pub fn human(span: Duration) -> String {
    let seconds = span.as_secs_f64();
    if span.is_zero() {
        "0 ms".into()
    } else if seconds < 0.001 {
        format!("{:.0} µs", seconds * 1e6)
    } else if seconds < 0.010 {
        format!("{:.1} ms", seconds * 1e3)
    } else if seconds < 10.0 {
        format!("{} ms", grouped((seconds * 1e3).round() as u64))
    } else if seconds < 120.0 {
        format!("{seconds:.1} s")
    } else {
        format!("{} min {:02} s", span.as_secs() / 60, span.as_secs() % 60)
    }
}

/// A span as a command or a file would write it, exact to the nanosecond: `40ms`, `1.5s`, `0`.
#[must_use]
pub fn exact(span: Duration) -> String {
    let nanos = span.as_nanos();
    match nanos {
        0 => "0".into(),
        n if n % 1_000_000_000 == 0 => format!("{}s", n / 1_000_000_000),
        n if n % 1_000_000 == 0 => format!("{}ms", n / 1_000_000),
        n if n % 1_000 == 0 => format!("{}us", n / 1_000),
        n => format!("{n}ns"),
    }
}

/// A count with a comma between groups of three digits: `5,003`.
#[must_use]
pub fn grouped(count: u64) -> String {
    let digits = count.to_string();
    let mut out = String::with_capacity(digits.len() + digits.len() / 3);
    for (at, digit) in digits.chars().enumerate() {
        if at > 0 && (digits.len() - at).is_multiple_of(3) {
            out.push(',');
        }
        out.push(digit);
    }
    out
}

fn split(text: &str) -> (&str, &str) {
    let end = text
        .find(|c: char| !(c.is_ascii_digit() || matches!(c, '.' | '-' | '+' | '_')))
        .unwrap_or(text.len());
    (&text[..end], text[end..].trim())
}

fn number(text: &str) -> Option<f64> {
    let text = text.trim();
    if text.is_empty() || text.contains(|c: char| c.is_ascii_alphabetic()) {
        return None;
    }
    text.replace('_', "").parse().ok().filter(|value: &f64| value.is_finite())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn durations_are_read_with_their_unit() {
        assert_eq!(duration("300ms"), Ok(Duration::from_millis(300)));
        assert_eq!(duration("1.5 s"), Ok(Duration::from_millis(1500)));
        assert_eq!(duration("0"), Ok(Duration::ZERO));
        for bad in ["", "5", "-1s", "NaNs", "1e18s", "5 parsecs", "99h", "s"] {
            assert!(duration(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn shares_rates_and_bandwidths_have_their_ranges() {
        assert_eq!(share("30%"), Ok(0.3));
        assert_eq!(share("0.3"), Ok(0.3));
        assert!(share("101%").is_err() && share("nan").is_err());
        assert_eq!(per_second("30/min"), Ok(0.5));
        assert!(per_second("-1").is_err());
        assert_eq!(bandwidth("1Mbit"), Ok(125_000));
        assert_eq!(bandwidth("10MB/s"), Ok(10_000_000));
        assert!(bandwidth("fast").is_err());
    }

    #[test]
    fn figures_keep_their_unit() {
        assert_eq!(human(Duration::from_micros(71_200)), "71 ms");
        assert_eq!(human(Duration::from_millis(5003)), "5,003 ms");
        assert_eq!(exact(Duration::from_millis(40)), "40ms");
        assert_eq!(duration(&exact(Duration::from_micros(1500))), Ok(Duration::from_micros(1500)));
        assert_eq!(grouped(1_234_567), "1,234,567");
    }
}
