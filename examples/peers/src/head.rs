//! The head of a reply, as far as the floor has to know it.

/// What the head says.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Head {
    /// The status.
    pub status: u16,
    /// Bytes of the head.
    pub length: usize,
    /// Bytes of the body.
    pub body: usize,
}

/// The head at the beginning of `bytes`; `None` while it is not whole.
///
/// # Panics
/// If it is none, or has no content length: the servers here always send one.
#[inline]
pub fn parse(bytes: &[u8]) -> Option<Head> {
    let mut fields = [httparse::EMPTY_HEADER; 32];
    let mut response = httparse::Response::new(&mut fields);
    let httparse::Status::Complete(length) = response.parse(bytes).expect("a head") else {
        return None;
    };
    let status = response.code.expect("a status");
    let field = response
        .headers
        .iter()
        .find(|field| field.name.eq_ignore_ascii_case("content-length"))
        .expect("a content length");
    let digits = field.value.iter().map(|digit| usize::from(digit - b'0'));
    let body = digits.fold(0, |number, digit| number * 10 + digit);
    Some(Head {
        status,
        length,
        body,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    const REPLY: &[u8] = b"HTTP/1.1 200 OK\r\nServer: x\r\nContent-Length: 10240\r\n\r\n";

    #[test]
    fn a_whole_head_is_read() {
        let head = parse(REPLY);
        let (status, length, body) = (200, REPLY.len(), 10240);
        assert_eq!(
            head,
            Some(Head {
                status,
                length,
                body
            })
        );
    }

    #[test]
    fn a_part_of_a_head_is_none() {
        for end in 0..REPLY.len() {
            assert_eq!(parse(&REPLY[..end]), None);
        }
    }
}
