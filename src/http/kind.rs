//! What can go wrong with a request, as types.
//!
//! Owns: the enums, no text beyond a short phrase per variant.
//!
//! Laws: an error is matched, never parsed. The outer enum is the family (what
//! a caller branches on), the inner one the reason. One variant per limit and
//! per deadline.
//!
//! Absent on purpose: data. What belongs to one failure (URL, peer, times,
//! excerpt) is in [`Error`](super::Error).
//!
//! Read next: `error.rs`.

use std::fmt;

use super::deadlines::Deadline;
use super::limits::Limit;

/// Why a request failed.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
#[non_exhaustive]
pub enum ErrorKind {
    /// What the caller asked for cannot be sent. Nothing went on the wire.
    Request(RequestFault),
    /// The name could not be looked up.
    Resolve(ResolveFault),
    /// The address guard does not allow the address.
    AddressBlocked,
    /// No connection.
    Connect(ConnectFault),
    /// The proxy did not do its part.
    Proxy(ProxyFault),
    /// No secure channel.
    Tls(TlsFault),
    /// A deadline passed.
    Timeout(Deadline),
    /// The status line, a field or a trailer is not HTTP.
    Parse(ParseFault),
    /// Where the message ends cannot be told.
    Framing(FramingFault),
    /// The connection ended before the message did.
    Truncated,
    /// A limit was passed.
    TooLarge(Limit),
    /// The content coding is broken.
    Decode(DecodeFault),
    /// A redirect cannot be followed.
    Redirect(RedirectFault),
    /// Reading the request body failed on our side.
    Upload,
    /// The process has no descriptor left.
    DescriptorsExhausted,
    /// The policy of a gate turned it away: there is more to do than can be done.
    Shed,
    /// The request was given up by its owner or by shutdown.
    Cancelled,
    /// No loop runs here, or another one.
    Runtime,
    /// A read or write failed for another reason.
    Io,
}

/// Declares a fieldless enum with one phrase per variant.
macro_rules! reasons {
    ($(#[$meta:meta])* $name:ident { $($(#[$doc:meta])* $variant:ident => $text:literal,)* }) => {
        $(#[$meta])*
        #[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
        #[non_exhaustive]
        pub enum $name { $($(#[$doc])* $variant,)* }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(match self { $($name::$variant => $text,)* })
            }
        }
    };
}

reasons! {
    /// Why a request cannot be sent.
    RequestFault {
        /// The text is not a URL.
        Url => "the URL is not valid",
        /// Neither http nor https.
        Scheme => "the URL is neither http nor https",
        /// https without the `tls` feature.
        NoTls => "https needs the feature tls",
        /// An IPv6 zone id in the host.
        ZoneId => "a zone id in a URL's host is not supported",
        /// Not a token.
        Method => "the method is not a token",
        /// Not a token.
        HeaderName => "a header name is not a token",
        /// CR, LF, NUL or another control in a value.
        HeaderValue => "a header value holds a control character",
        /// More header bytes than can be addressed.
        HeaderSize => "the headers are too large",
        /// `Transfer-Encoding`, a wrong `Content-Length`, or an `Expect` of something
        /// else than `100-continue`: the client writes these.
        OwnedHeader => "the client itself writes this header",
        /// More than one `Host`.
        Host => "there must be one Host",
        /// CONNECT: there is nobody to hand a tunnel to.
        Connect => "the client itself makes tunnels, for proxies",
        /// A body with TRACE.
        BodyForbidden => "this method takes no body",
        /// The body was shorter or longer than announced.
        BodyLength => "the body is not as long as announced",
        /// A setting of the client makes no sense.
        Setting => "a setting is not valid",
    }
}

reasons! {
    /// Why a name could not be looked up.
    ResolveFault {
        /// The name does not exist.
        NotFound => "no such name",
        /// It exists, without an address.
        NoAddress => "the name has no address",
        /// Try again later.
        Temporary => "the name server did not answer",
        /// Anything else.
        Other => "the look-up failed",
    }
}

reasons! {
    /// Why there is no connection.
    ConnectFault {
        /// Nothing listens there.
        Refused => "connection refused",
        /// No route.
        Unreachable => "host or network unreachable",
        /// Reset before it was open.
        Reset => "connection reset",
        /// Anything else.
        Other => "connecting failed",
    }
}

reasons! {
    /// What a proxy did.
    ProxyFault {
        /// It answered CONNECT with something other than 2xx.
        Refused => "the proxy refused the tunnel",
        /// It wants credentials, or others.
        Authentication => "the proxy wants credentials",
        /// It spoke no HTTP.
        Answer => "the proxy's answer makes no sense",
        /// Not an http proxy.
        Scheme => "only http proxies are supported",
    }
}

reasons! {
    /// Why there is no secure channel.
    TlsFault {
        /// The certificate has expired.
        Expired => "certificate expired",
        /// The certificate is not valid yet.
        NotYetValid => "certificate not valid yet",
        /// The certificate is for another host.
        WrongHost => "certificate is for another host",
        /// No known root signed it.
        UnknownIssuer => "certificate of an unknown issuer",
        /// Anything else about the certificate.
        Certificate => "certificate not acceptable",
        /// The host is no name TLS can check.
        Name => "the host cannot be checked by TLS",
        /// The connection ended in the handshake.
        Closed => "connection closed in the handshake",
        /// The peer chose a protocol we did not offer.
        Alpn => "the peer chose another protocol",
        /// The peer sent an alert, or what it sent is not TLS.
        Protocol => "handshake failed",
    }
}

reasons! {
    /// What is not HTTP about a head.
    ParseFault {
        /// The first bytes are not `HTTP/1.0` or `HTTP/1.1`.
        NotHttp => "not an HTTP/1 response",
        /// The rest of the status line.
        StatusLine => "bad status line",
        /// A code below 100.
        StatusCode => "status code out of range",
        /// White space before the first field.
        LeadingSpace => "white space before the first field",
        /// A field name, or its colon.
        FieldName => "bad field name",
        /// A control character in a value.
        FieldValue => "bad field value",
        /// CR without LF.
        LineEnd => "bad line end",
        /// A trailer field.
        Trailer => "bad trailer",
        /// 101 that was not asked for.
        Upgrade => "unasked 101",
    }
}

reasons! {
    /// Why the end of a message cannot be told.
    FramingFault {
        /// Not digits, or above 2^64.
        Length => "bad Content-Length",
        /// Two different lengths.
        LengthConflict => "conflicting Content-Length",
        /// A transfer coding other than chunked.
        Coding => "unknown transfer coding",
        /// `chunked` more than once.
        RepeatedChunked => "chunked applied twice",
        /// A `Transfer-Encoding` without a coding.
        EmptyCoding => "empty Transfer-Encoding",
        /// `Transfer-Encoding` in HTTP/1.0.
        CodingInHttp10 => "Transfer-Encoding in HTTP/1.0",
        /// `identity` beside a length.
        IdentityBesideLength => "identity coding beside a length",
        /// Not 1*HEXDIG, or above 2^64.
        ChunkSize => "bad chunk size",
        /// A control character in an extension.
        ChunkExtension => "bad chunk extension",
        /// No CRLF where it must be.
        ChunkEnd => "no CRLF after a chunk",
    }
}

reasons! {
    /// What is wrong with coded content.
    DecodeFault {
        /// Not the coding it is labelled with.
        Header => "not the announced coding",
        /// The compressed bytes are damaged.
        Corrupt => "corrupt compressed data",
        /// The checksum or the length at the end does not fit.
        Checksum => "checksum mismatch",
        /// The body ended before the compressed data.
        Truncated => "compressed data cut off",
    }
}

reasons! {
    /// Why a redirect cannot be followed.
    RedirectFault {
        /// More than the policy allows.
        TooMany => "too many redirects",
        /// The same request for the third time.
        Loop => "redirect loop",
        /// `Location` is not a URL.
        Target => "bad Location",
        /// Two different `Location` fields.
        Conflict => "conflicting Location fields",
        /// Neither http nor https.
        Scheme => "redirect to a scheme other than http and https",
        /// From https to http.
        Downgrade => "redirect from https to http",
        /// The body must be sent again and cannot be.
        BodyNotReplayable => "the body cannot be sent again",
    }
}

impl fmt::Display for ErrorKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            ErrorKind::Request(fault) => fault.fmt(f),
            ErrorKind::Resolve(fault) => fault.fmt(f),
            ErrorKind::AddressBlocked => f.write_str("address not allowed"),
            ErrorKind::Connect(fault) => fault.fmt(f),
            ErrorKind::Proxy(fault) => fault.fmt(f),
            ErrorKind::Tls(fault) => fault.fmt(f),
            ErrorKind::Timeout(_) => f.write_str("timeout"),
            ErrorKind::Parse(fault) => fault.fmt(f),
            ErrorKind::Framing(fault) => fault.fmt(f),
            ErrorKind::Truncated => f.write_str("connection closed before the end of the message"),
            ErrorKind::TooLarge(limit) => write!(f, "limit {limit} passed"),
            ErrorKind::Decode(fault) => fault.fmt(f),
            ErrorKind::Redirect(fault) => fault.fmt(f),
            ErrorKind::Upload => f.write_str("reading the request body failed"),
            ErrorKind::DescriptorsExhausted => f.write_str("no file descriptor left"),
            ErrorKind::Shed => f.write_str("turned away before a connection"),
            ErrorKind::Cancelled => f.write_str("cancelled"),
            ErrorKind::Runtime => f.write_str("no loop runs here"),
            ErrorKind::Io => f.write_str("read or write failed"),
        }
    }
}

reasons! {
    /// What the request was doing when it failed.
    Phase {
        /// Building the request.
        Request => "request",
        /// Waiting for a connection.
        Queue => "queue",
        /// Looking the name up.
        Resolve => "dns",
        /// Connecting.
        Connect => "connect",
        /// Talking to a proxy.
        Proxy => "proxy",
        /// The TLS handshake.
        Tls => "tls",
        /// Writing the request.
        Write => "write",
        /// Waiting for the first byte of the answer.
        FirstByte => "first byte",
        /// Reading the head.
        Head => "head",
        /// Reading the body.
        Body => "body",
        /// Deciding about a redirect.
        Redirect => "redirect",
    }
}
