//! The few bytes of DNS and of the line wire that the calibration needs, written by hand: what it measures must not
//! rest on what is measured.

/// What names begin with; the number of the question follows.
const PREFIX: char = 'n';

/// What names end with. `test` belongs to nobody (RFC 6761, 6.2).
const ZONE: [&str; 2] = ["calibrate", "test"];

/// The header of a DNS message.
const HEADER: usize = 12;

/// The name that is asked for in question number so and so.
#[must_use]
pub fn name(number: u32) -> String {
    format!("{PREFIX}{number}.{}", ZONE.join("."))
}

/// The number in a name, or in its first label.
#[must_use]
pub fn number_of(name: &str) -> Option<u32> {
    name.split('.').next()?.strip_prefix(PREFIX)?.parse().ok()
}

/// A question for the address of a name.
#[must_use]
pub fn dns_question(number: u32) -> Vec<u8> {
    // Only a few are outstanding at a time: the low bits tell them apart.
    let [high, low] = (number as u16).to_be_bytes();
    let mut bytes = vec![high, low, 1, 0, 0, 1, 0, 0, 0, 0, 0, 0];
    for label in name(number).split('.') {
        bytes.push(u8::try_from(label.len()).unwrap_or(u8::MAX));
        bytes.extend(label.as_bytes());
    }
    // The root, type A, class IN.
    bytes.extend([0, 0, 1, 0, 1]);
    bytes
}

/// The number of the question that a message asks or answers.
#[must_use]
pub fn dns_number(message: &[u8]) -> Option<u32> {
    let length = usize::from(*message.get(HEADER)?);
    let label = message.get(HEADER + 1..HEADER + 1 + length)?;
    number_of(std::str::from_utf8(label).ok()?)
}

/// The number of a question, and the answer to it: 192.0.2.1.
#[must_use]
pub fn dns_answer(question: &[u8]) -> Option<(u32, Vec<u8>)> {
    let number = dns_number(question)?;
    let mut end = HEADER;
    loop {
        match usize::from(*question.get(end)?) {
            0 => break,
            length => end += 1 + length,
        }
    }
    let asked = question.get(HEADER..end + 5)?;
    let mut bytes = question[..2].to_vec();
    // A response with authority; of one question and with one record.
    bytes.extend([0x84 | (question[2] & 1), 0, 0, 1, 0, 1, 0, 0, 0, 0]);
    bytes.extend(asked);
    // The name of the question, A, IN, for a minute, four bytes.
    bytes.extend([0xc0, HEADER as u8, 0, 1, 0, 1, 0, 0, 0, 60, 0, 4, 192, 0, 2, 1]);
    Some((number, bytes))
}

#[cfg(test)]
mod tests {
    use super::*;
    use hickory_proto::op::Message;

    #[test]
    fn the_bytes_are_those_of_the_protocol() {
        let bytes = dns_question(70_007);
        let question = Message::from_vec(&bytes).expect("a DNS message");
        assert_eq!(question.queries[0].name().to_string(), "n70007.calibrate.test.");
        let (number, bytes) = dns_answer(&bytes).expect("it is a question");
        assert_eq!((number, dns_number(&bytes)), (70_007, Some(70_007)));
        let answer = Message::from_vec(&bytes).expect("a DNS message");
        assert_eq!(answer.metadata.id, question.metadata.id);
        assert_eq!(answer.queries, question.queries);
        assert_eq!(answer.answers[0].data.to_string(), "192.0.2.1");
        assert!(dns_answer(b"short").is_none() && number_of("www.a.com").is_none());
    }
}
