//! Tests of the choice of a proxy.

use super::*;

fn origin(url: &str) -> Origin {
    let origin = url.into_url().and_then(|url| Origin::of(&url));
    origin.unwrap_or_else(|e| panic!("{url}: {e}"))
}

fn from_env(vars: &[(&str, &str)]) -> Result<Proxies, ErrorKind> {
    let vars = vars.iter().map(|(k, v)| (k.to_string(), v.to_string()));
    Proxies::from_env(vars).map_err(|e| e.kind())
}

/// `f proxy`, `t proxy` or `-`.
fn route(proxies: &Result<Proxies, ErrorKind>, url: &str) -> String {
    match proxies.as_ref().map(|p| p.route(&origin(url)).to_text()) {
        Ok(text) => text,
        Err(kind) => kind.to_string(),
    }
}

impl Route<'_> {
    fn to_text(self) -> String {
        match self {
            Route::Direct => "-".to_owned(),
            Route::Forward(proxy) => format!("f {}", proxy.origin().authority()),
            Route::Tunnel(proxy) => format!("t {}", proxy.origin().authority()),
        }
    }
}

#[test]
fn environment() {
    let env = from_env(&[
        ("HTTP_PROXY", "http://upper:1"),
        ("http_proxy", "lower:3128"),
        ("HTTPS_PROXY", "http://user:s3cret@secure:2/"),
        ("NO_PROXY", "direct.test, .below.test"),
    ]);
    assert_eq!(route(&env, "http://h.test/"), "f lower:3128");
    assert_eq!(route(&env, "https://h.test/"), "t secure:2");
    assert_eq!(route(&env, "http://direct.test/"), "-");
    assert_eq!(route(&env, "https://a.below.test/"), "-");
    assert!(!format!("{env:?}").contains("s3cret"));
    let all = from_env(&[("all_proxy", "http://all:1"), ("https_proxy", "http://s:2")]);
    assert_eq!(route(&all, "http://h.test/"), "f all:1");
    assert_eq!(route(&all, "https://h.test/"), "t s:2");
    assert_eq!(route(&from_env(&[]), "http://h.test/"), "-");
    assert_eq!(
        route(&from_env(&[("http_proxy", "")]), "http://h.test/"),
        "-"
    );
    // In CGI, `Proxy:` of a request becomes HTTP_PROXY.
    let cgi = from_env(&[("REQUEST_METHOD", "GET"), ("HTTP_PROXY", "http://evil:1")]);
    assert_eq!(route(&cgi, "http://h.test/"), "-");
    for bad in ["socks5://p:1", "https://p:1"] {
        let kind = from_env(&[("all_proxy", bad)]).err();
        assert_eq!(kind, Some(ErrorKind::Proxy(ProxyFault::Scheme)), "{bad}");
    }
    assert!(from_env(&[("all_proxy", "http://[::1")]).is_err());
}

#[test]
fn credentials() {
    let of =
        |proxy: Result<Proxy, Error>| proxy.ok().and_then(|p| p.credentials().map(str::to_owned));
    assert_eq!(
        of(Proxy::all("http://u:p@h:1")).as_deref(),
        Some("Basic dTpw")
    );
    assert_eq!(of(Proxy::all("http://h:1")), None);
    let set = Proxy::http("http://h:1").map(|p| p.basic_auth("u", "p"));
    assert_eq!(of(set).as_deref(), Some("Basic dTpw"));
}

#[test]
fn no_proxy() {
    let covers = |list: &str, url: &str| NoProxy::parse(list).covers(&origin(url));
    let rows = [
        ("*", "http://any.test/", true),
        ("", "http://any.test/", false),
        (",, ,", "http://any.test/", false),
        ("h.test", "http://h.test/", true),
        ("H.TEST", "http://h.test/", true),
        ("h.test", "http://h.test./", true),
        ("h.test", "http://a.h.test/", true),
        ("h.test", "http://nah.test/", false),
        ("h.test", "http://h.test.evil/", false),
        (".h.test", "http://a.h.test/", true),
        (".h.test", "http://h.test/", true),
        ("*.h.test", "http://a.h.test/", true),
        ("x,h.test:8080", "http://h.test:8080/", true),
        ("x h.test:8080", "http://h.test/", false),
        ("h.test:443", "https://h.test/", true),
        ("127.0.0.1", "http://127.1/", true),
        ("10.0.0.0/8", "http://10.9.8.7/", true),
        ("10.0.0.0/8", "http://11.9.8.7/", false),
        ("::1", "http://[::1]/", true),
        ("[::1]:81", "http://[::1]:81/", true),
        ("[::1]:81", "http://[::1]/", false),
        ("fd00::/8", "http://[fd12::1]/", true),
        ("bücher.test", "http://www.B\u{dc}CHER.test/", true),
        ("xn--bcher-kva.test", "http://bücher.test/", true),
        ("7.0.0.1", "http://127.0.0.1/", false),
        ("1", "http://127.0.0.1/", false),
    ];
    for (list, url, want) in rows {
        assert_eq!(covers(list, url), want, "{list:?} {url}");
    }
}
