//! JSON that is safe to print: every character that is not plain ASCII is written as `\uXXXX`, so
//! that what a stranger sent can neither move a cursor nor turn text, and still reads back as it
//! was.

use serde::Serialize;
use serde_json::ser::{CompactFormatter, Formatter, PrettyFormatter};
use std::io::{self, Write};

/// Writes a value on one line, without a line end.
pub(super) fn compact<T: Serialize>(value: &T) -> serde_json::Result<String> {
    written(value, Ascii(CompactFormatter))
}

/// Writes a value on several lines, with a line end.
pub(super) fn pretty<T: Serialize>(value: &T) -> serde_json::Result<String> {
    let mut text = written(value, Ascii(PrettyFormatter::new()))?;
    text.push('\n');
    Ok(text)
}

fn written<T: Serialize, F: Formatter>(value: &T, formatter: F) -> serde_json::Result<String> {
    let mut out = Vec::new();
    value.serialize(&mut serde_json::Serializer::with_formatter(&mut out, formatter))?;
    Ok(String::from_utf8(out).expect("the formatter writes ASCII only"))
}

/// Any formatter, with strings in ASCII.
struct Ascii<F>(F);

macro_rules! same {
    ($($name:ident($($arg:ident: $kind:ty),*);)*) => {
        $(fn $name<W>(&mut self, writer: &mut W, $($arg: $kind),*) -> io::Result<()>
        where
            W: ?Sized + Write,
        {
            self.0.$name(writer, $($arg),*)
        })*
    };
}

impl<F: Formatter> Formatter for Ascii<F> {
    same! {
        begin_array();
        end_array();
        begin_array_value(first: bool);
        end_array_value();
        begin_object();
        end_object();
        begin_object_key(first: bool);
        end_object_key();
        begin_object_value();
        end_object_value();
    }

    fn write_string_fragment<W: ?Sized + Write>(
        &mut self,
        writer: &mut W,
        fragment: &str,
    ) -> io::Result<()> {
        let mut units = [0; 2];
        for c in fragment.chars() {
            if matches!(c, ' '..='~') {
                writer.write_all(&[c as u8])?;
            } else {
                for unit in c.encode_utf16(&mut units) {
                    write!(writer, "\\u{unit:04x}")?;
                }
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_but_ascii_comes_out_and_the_same_text_comes_back() {
        let hostile = "\u{9b}2J \u{202e} ü 世 🦀 \x1b]0;x\x07 \" \\ \u{7f}".to_owned();
        for text in [compact(&hostile).unwrap(), pretty(&hostile).unwrap()] {
            assert!(text.trim_end().bytes().all(|byte| matches!(byte, b' '..=b'~')), "{text}");
            assert_eq!(serde_json::from_str::<String>(&text).unwrap(), hostile);
        }
        let nested = pretty(&vec![("a", 1)]).unwrap();
        assert_eq!(nested, "[\n  [\n    \"a\",\n    1\n  ]\n]\n");
    }
}
