//! The framing table (H01).

use super::*;

type Fields<'a> = &'a [(&'a str, &'a str)];

fn headers(fields: Fields<'_>) -> Headers {
    let mut headers = Headers::new();
    for (name, value) in fields {
        // Straight in, as from the wire: some of these no caller may send.
        headers.append_unchecked(name, value.as_bytes());
    }
    headers
}

fn get(status: u16, fields: Fields<'_>) -> Result<Decision, FramingFault> {
    decide(&Method::GET, Version::Http11, status, &headers(fields))
}

const CHUNKED: (&str, &str) = ("Transfer-Encoding", "chunked");

#[test]
fn framing_table_total() {
    let cl = "content-length";
    let te = "transfer-encoding";
    let rows: &[(Fields<'_>, Result<Framing, FramingFault>)] = &[
        (&[], Ok(Framing::Close)),
        (&[(cl, "0")], Ok(Framing::Length(0))),
        (&[(cl, "5")], Ok(Framing::Length(5))),
        (&[(cl, "0005")], Ok(Framing::Length(5))),
        (&[("CONTENT-LENGTH", "5")], Ok(Framing::Length(5))),
        (&[(cl, "\t5 ")], Ok(Framing::Length(5))),
        (&[(cl, "5"), (cl, "5")], Ok(Framing::Length(5))),
        (&[(cl, "5,5")], Ok(Framing::Length(5))),
        (&[(cl, "5, 5 ,05")], Ok(Framing::Length(5))),
        (
            &[(cl, "18446744073709551615")],
            Ok(Framing::Length(u64::MAX)),
        ),
        (&[(cl, "9223372036854775808")], Ok(Framing::Length(1 << 63))),
        (&[(cl, "4294967301")], Ok(Framing::Length((1 << 32) + 5))),
        (&[(cl, "18446744073709551616")], Err(FramingFault::Length)),
        (&[(cl, "")], Err(FramingFault::Length)),
        (&[(cl, "5,")], Err(FramingFault::Length)),
        (&[(cl, ",5")], Err(FramingFault::Length)),
        (&[(cl, "+5")], Err(FramingFault::Length)),
        (&[(cl, "-5")], Err(FramingFault::Length)),
        (&[(cl, "-0")], Err(FramingFault::Length)),
        (&[(cl, "0x5")], Err(FramingFault::Length)),
        (&[(cl, "5 5")], Err(FramingFault::Length)),
        (&[(cl, "5.0")], Err(FramingFault::Length)),
        (&[(cl, "5;")], Err(FramingFault::Length)),
        (&[(cl, "5_0")], Err(FramingFault::Length)),
        (&[(cl, "five")], Err(FramingFault::Length)),
        (&[(cl, "\u{ff15}")], Err(FramingFault::Length)),
        (&[(cl, "\u{b}5")], Err(FramingFault::Length)),
        (&[(cl, "5\u{a0}")], Err(FramingFault::Length)),
        (&[(cl, "5"), (cl, "6")], Err(FramingFault::LengthConflict)),
        (&[(cl, "5, 6")], Err(FramingFault::LengthConflict)),
        (&[(cl, "5"), (cl, "x")], Err(FramingFault::Length)),
        (&[(cl, "x"), (cl, "5")], Err(FramingFault::Length)),
        (&[("Content_Length", "5")], Ok(Framing::Close)),
        (&[("X-Content-Length", "5")], Ok(Framing::Close)),
        (&[("Content-Length-Extra", "5")], Ok(Framing::Close)),
        (&[(te, "chunked")], Ok(Framing::Chunked)),
        (&[(te, "ChUnKeD")], Ok(Framing::Chunked)),
        (&[(te, " \tchunked\t")], Ok(Framing::Chunked)),
        (&[(te, ", chunked")], Ok(Framing::Chunked)),
        (&[(te, "chunked,")], Ok(Framing::Chunked)),
        (&[(te, ""), (te, "chunked")], Ok(Framing::Chunked)),
        (&[(te, "chunked"), (cl, "5")], Ok(Framing::Chunked)),
        (&[(cl, "5"), (te, "chunked")], Ok(Framing::Chunked)),
        (&[(te, "chunked"), (cl, "banana")], Ok(Framing::Chunked)),
        (
            &[(cl, "1"), (te, "chunked"), (cl, "2")],
            Ok(Framing::Chunked),
        ),
        (
            &[(te, "chunked, chunked")],
            Err(FramingFault::RepeatedChunked),
        ),
        (
            &[(te, "chunked"), (te, "chunked")],
            Err(FramingFault::RepeatedChunked),
        ),
        (&[(te, "gzip, chunked")], Err(FramingFault::Coding)),
        (&[(te, "gzip"), (te, "chunked")], Err(FramingFault::Coding)),
        (&[(te, "chunked, gzip")], Err(FramingFault::Coding)),
        (&[(te, "chunked;q=1")], Err(FramingFault::Coding)),
        (&[(te, "xchunked")], Err(FramingFault::Coding)),
        (&[(te, "chunkedx")], Err(FramingFault::Coding)),
        (&[(te, "\"chunked\"")], Err(FramingFault::Coding)),
        (&[(te, "\u{b}chunked")], Err(FramingFault::Coding)),
        (&[(te, "chunked\u{a0}")], Err(FramingFault::Coding)),
        (&[(te, "sneaky")], Err(FramingFault::Coding)),
        (&[(te, "identity, chunked")], Err(FramingFault::Coding)),
        (&[(te, "identity, identity")], Err(FramingFault::Coding)),
        (&[(te, "")], Err(FramingFault::EmptyCoding)),
        (&[(te, ""), (cl, "5")], Err(FramingFault::EmptyCoding)),
        (&[(te, ",")], Err(FramingFault::EmptyCoding)),
        (&[(te, "identity")], Ok(Framing::Close)),
        (
            &[(te, "identity"), (cl, "5")],
            Err(FramingFault::IdentityBesideLength),
        ),
        (
            &[("Transfer_Encoding", "chunked"), (cl, "5")],
            Ok(Framing::Length(5)),
        ),
    ];
    for (fields, want) in rows {
        for status in [200, 205, 206, 299, 400, 500, 799] {
            let have = get(status, fields).map(|d| d.framing);
            assert_eq!(have, *want, "{status} {fields:?}");
        }
        for status in [100, 103, 199, 204, 304] {
            let have = get(status, fields).map(|d| d.framing);
            assert_eq!(have, Ok(Framing::None), "{status} {fields:?}");
        }
        let fields = headers(fields);
        let head = decide(&Method::HEAD, Version::Http11, 200, &fields);
        assert_eq!(head.map(|d| d.framing), Ok(Framing::None));
        let tunnel = decide(&Method::CONNECT, Version::Http11, 200, &fields);
        assert_eq!(tunnel.map(|d| d.framing), Ok(Framing::Tunnel));
        let refused = decide(&Method::CONNECT, Version::Http11, 407, &fields);
        assert_eq!(refused.map(|d| d.framing), *want);
        let old = decide(&Method::GET, Version::Http10, 200, &fields).map(|d| d.framing);
        match fields.contains(te) {
            true => assert_eq!(old, Err(FramingFault::CodingInHttp10)),
            false => assert_eq!(old, *want),
        }
    }
}

#[test]
fn reuse_by_version_and_connection() {
    let close = Reuse::Close(CloseReason::ServerClose);
    let old = Reuse::Close(CloseReason::Http10);
    let c = "Connection";
    let rows: &[(Fields<'_>, Reuse, Reuse)] = &[
        (&[], Reuse::Keep, old),
        (&[(c, "close")], close, close),
        (&[(c, "foo , CLOSE")], close, close),
        (&[(c, "close"), (c, "keep-alive")], close, close),
        (&[(c, "keep-alive"), (c, "close")], close, close),
        (&[(c, "keep-alive, close")], close, close),
        (&[(c, "not-close-at-all")], Reuse::Keep, old),
        (&[(c, "Keep-Alive")], Reuse::Keep, Reuse::Keep),
        (&[("Proxy-Connection", "close")], Reuse::Keep, old),
        (&[("Keep-Alive", "timeout=5")], Reuse::Keep, old),
    ];
    for (fields, want_11, want_10) in rows {
        let mut fields = headers(fields);
        fields.append_unchecked("Content-Length", b"1");
        let of = |version| decide(&Method::GET, version, 200, &fields).map(|d| d.reuse);
        assert_eq!(of(Version::Http11), Ok(*want_11), "{fields:?}");
        assert_eq!(of(Version::Http10), Ok(*want_10), "{fields:?}");
    }
}

#[test]
fn doubt_forbids_reuse() {
    let reuse = |status, fields: Fields<'_>| get(status, fields).map(|d| d.reuse);
    let quirk = |q| Ok(Reuse::Close(CloseReason::Quirk(q)));
    let cl = |v: &'static str| ("Content-Length", v);
    assert_eq!(
        reuse(200, &[CHUNKED, cl("5")]),
        quirk(Quirk::LengthBesideChunked)
    );
    assert_eq!(
        reuse(200, &[cl("5"), cl("5")]),
        quirk(Quirk::RepeatedLength)
    );
    assert_eq!(
        reuse(200, &[("Transfer-Encoding", ", chunked")]),
        quirk(Quirk::EmptyListMember)
    );
    let to_close = Ok(Reuse::Close(CloseReason::CloseDelimited));
    assert_eq!(reuse(200, &[]), to_close);
    assert_eq!(reuse(200, &[("Connection", "keep-alive")]), to_close);
    let doubtful = Ok(Reuse::Close(CloseReason::DoubtfulFraming));
    for fields in [
        vec![cl("5")],
        vec![CHUNKED],
        vec![cl("x")],
        vec![cl("1"), cl("2")],
    ] {
        assert_eq!(reuse(204, &fields), doubtful, "{fields:?}");
    }
    for fields in [
        vec![cl("x")],
        vec![cl("1"), cl("2")],
        vec![CHUNKED, cl("1")],
    ] {
        assert_eq!(reuse(304, &fields), doubtful, "{fields:?}");
    }
    for fields in [vec![], vec![cl("5")], vec![CHUNKED]] {
        assert_eq!(reuse(304, &fields), Ok(Reuse::Keep), "{fields:?}");
        let head = decide(&Method::HEAD, Version::Http11, 200, &headers(&fields));
        assert_eq!(head.map(|d| d.reuse), Ok(Reuse::Keep), "{fields:?}");
    }
    assert_eq!(reuse(204, &[cl("0")]), Ok(Reuse::Keep));
}
