//! A case, as it stands in the file.

use std::io::Read;

use serde_json::Value;

/// One case.
#[derive(Clone, Debug)]
pub(crate) struct Case {
    /// Its id.
    pub(crate) id: String,
    /// Everything else.
    pub(crate) json: Value,
}

/// One step of a server's script.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Step {
    /// Bytes, perhaps in pieces, perhaps many times.
    Send {
        bytes: Vec<u8>,
        split: Option<usize>,
        delay_ms: Option<f64>,
        repeat: u64,
    },
    Sleep(u64),
    ReadUntil(Vec<u8>),
    ReadRequest,
    DrainBody,
    Close,
    TlsClose(bool),
    Reset,
}

/// All cases of both files: the corpus, and more of our own where it is thin.
pub(crate) fn all() -> Vec<Case> {
    let corpus = include_str!("../http/cases.jsonl");
    let ours = include_str!("../http/more.jsonl");
    let parse = |line: &str| {
        let json: Value = serde_json::from_str(line).unwrap();
        let id = json["id"].as_str().unwrap().to_owned();
        Case { id, json }
    };
    corpus.lines().chain(ours.lines()).map(parse).collect()
}

/// A string of the file, whose characters are bytes.
pub(crate) fn latin1(text: &str) -> Vec<u8> {
    let byte = |c: char| u8::try_from(u32::from(c)).unwrap();
    text.chars().map(byte).collect()
}

impl Case {
    /// Must every client do this?
    pub(crate) fn is_must(&self) -> bool {
        self.json["level"] == "must"
    }

    /// An option of the request, or its usual value.
    pub(crate) fn option(&self, name: &str) -> Value {
        match &self.json["options"][name] {
            Value::Null => usual(name),
            given => given.clone(),
        }
    }

    /// Does the string occur anywhere in the case?
    pub(crate) fn mentions(&self, what: &str) -> bool {
        self.json.to_string().contains(what)
    }

    /// Is the server a TLS server?
    pub(crate) fn is_tls(&self) -> bool {
        self.json["tls"].is_object()
    }

    /// A flag.
    pub(crate) fn flag(&self, name: &str) -> bool {
        self.json[name].as_bool().unwrap_or(false)
    }

    /// A number.
    pub(crate) fn number(&self, name: &str) -> Option<u64> {
        self.json[name].as_u64()
    }
}

fn usual(name: &str) -> Value {
    match name {
        "connect_timeout_ms" => 2000.into(),
        "tls_timeout_ms" | "first_byte_timeout_ms" => 3000.into(),
        "read_timeout_ms" => 2000.into(),
        "total_timeout_ms" => 8000.into(),
        "max_header_bytes" => 131_072.into(),
        "max_headers" => 512.into(),
        "max_body_bytes" => (64 << 20).into(),
        "max_redirects" => 10.into(),
        "follow_redirects" | "decompress" => true.into(),
        other => panic!("option {other}"),
    }
}

/// The steps of a script; `replace` fills in names that only the server knows.
pub(crate) fn steps(script: &Value, replace: &dyn Fn(&str) -> String) -> Vec<Step> {
    let steps = script.as_array().into_iter().flatten();
    steps.map(|step| one(step, replace)).collect()
}

fn one(step: &Value, replace: &dyn Fn(&str) -> String) -> Step {
    let send = |bytes| Step::Send {
        bytes,
        split: step["split"].as_u64().map(|n| n as usize),
        delay_ms: step["delay_ms"].as_f64(),
        repeat: step["repeat"].as_u64().unwrap_or(1),
    };
    if let Some(text) = step["send"].as_str() {
        send(latin1(&replace(text)))
    } else if let Some(packed) = step["send_z"].as_str() {
        send(unpack(packed))
    } else if let Some(ms) = step["sleep_ms"].as_u64() {
        Step::Sleep(ms)
    } else if let Some(mark) = step["recv_until"].as_str() {
        Step::ReadUntil(latin1(mark))
    } else if let Some(notify) = step["tls_close"].as_bool() {
        Step::TlsClose(notify)
    } else {
        match step.as_object().and_then(|step| step.keys().next()) {
            Some(name) if name == "recv_request" => Step::ReadRequest,
            Some(name) if name == "drain_body" => Step::DrainBody,
            Some(name) if name == "close" => Step::Close,
            Some(name) if name == "reset" => Step::Reset,
            _ => panic!("step {step}"),
        }
    }
}

/// Base64 of zlib.
fn unpack(text: &str) -> Vec<u8> {
    const DIGITS: &str = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    let (mut packed, mut word, mut bits) = (Vec::new(), 0_u32, 0);
    for digit in text.chars().filter_map(|c| DIGITS.find(c)) {
        word = word << 6 | digit as u32;
        bits += 6;
        if bits >= 8 {
            bits -= 8;
            packed.push((word >> bits) as u8);
        }
    }
    let mut bytes = Vec::new();
    let mut zlib = flate2::read::ZlibDecoder::new(packed.as_slice());
    zlib.read_to_end(&mut bytes).unwrap();
    bytes
}
