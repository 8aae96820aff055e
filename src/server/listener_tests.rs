use super::*;
use std::net::Ipv4Addr;
use tokio::net::TcpStream;

fn with_port(port: u16, addresses: &[Ipv4Addr]) -> BTreeSet<SocketAddr> {
    addresses.iter().map(|address| (*address, port).into()).collect()
}

const HERE: [Ipv4Addr; 2] = [Ipv4Addr::new(127, 0, 0, 1), Ipv4Addr::new(127, 0, 0, 2)];
/// An address of a range for documentation, which no machine has.
const ABSENT: Ipv4Addr = Ipv4Addr::new(192, 0, 2, 1);

#[tokio::test]
async fn each_address_of_a_name_is_listened_on_with_one_port() {
    let listener = Listener::of_tcp(each(&with_port(0, &HERE)).unwrap()).unwrap();
    let port = listener.address().tcp()[0].port();
    for (address, expected) in listener.address().tcp().iter().zip(HERE) {
        assert_eq!(*address, (expected, port).into());
        let caller = TcpStream::connect(address).await.unwrap();
        assert_eq!(listener.accept().await.1, Some(caller.local_addr().unwrap().ip()));
    }
}

#[tokio::test]
async fn an_address_that_the_machine_does_not_have_is_left_out_while_there_is_another() {
    let sockets = each(&with_port(0, &[ABSENT, HERE[0]])).unwrap();
    assert_eq!(sockets.len(), 1);
    assert_eq!(each(&with_port(0, &[ABSENT])).unwrap_err().kind(), io::ErrorKind::AddrNotAvailable);
    assert!(each(&BTreeSet::new()).is_err());
}

#[tokio::test]
async fn an_address_that_is_taken_stops_the_start() {
    let other = tcp((HERE[1], 0).into()).unwrap();
    let port = other.local_addr().unwrap().port();
    assert_eq!(each(&with_port(port, &HERE)).unwrap_err().kind(), io::ErrorKind::AddrInUse);
}
