//! The sockets of the calibration among themselves.

use super::*;

#[test]
fn a_greeting_that_gets_lost_is_said_again_and_counted_nowhere() {
    let server = UdpSocket::bind(here()).expect("a port");
    let address = server.local_addr().expect("it is bound");
    let deaf = thread::spawn(move || {
        let mut buffer = [0; BYTES];
        server.recv_from(&mut buffer).expect("the first, which is lost");
        let (count, from) = server.recv_from(&mut buffer).expect("the second");
        let (number, answer) = dns_answer(&buffer[..count]).expect("a question");
        server.send_to(&answer, from).expect("it is sent");
        number
    });
    let near = Near::to(Carrier::Udp, address).expect("a socket");
    assert!(near.greet(Deadline::after(Duration::from_secs(20))).expect("it can be sent"));
    assert_eq!(deaf.join().expect("it was asked twice"), GREETING);
    assert_eq!(near.heard.try_iter().count(), 0);
    let far = Far::listen(Carrier::Udp).expect("a socket");
    let near = Near::to(Carrier::Udp, far.address).expect("a socket");
    assert!(near.greet(Deadline::after(Duration::from_secs(20))).expect("it can be sent"));
    assert!(near.ask(7, Deadline::after(Duration::from_secs(20))).expect("it can be sent"));
    assert_eq!(far.come(), [7]);
}
