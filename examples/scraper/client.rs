//! The HTTP client, set up as the command line says.
//!
//! Owns: nothing; one function from options to a client.
//!
//! Laws: given URLs may be anywhere, also on the local network; a public one cannot
//! lead there by a redirect (the address guard). The client's own queue is never the
//! one that waits: caps per host are the frontier's.
//!
//! Read next: `attempt.rs`.

use super::cli::Cli;
use downbeat::http::{AddressGuard, Client, Deadlines, Limits, RedirectPolicy};

/// Makes the client; `concurrency` fetches will share it.
///
/// # Errors
/// With a sentence about the option that makes no sense.
pub(crate) fn build(cli: &Cli, concurrency: usize) -> Result<Client, String> {
    let deadlines = Deadlines {
        connect: Some(cli.connect_timeout),
        tls: Some(cli.connect_timeout),
        total: Some(cli.timeout),
        ..Deadlines::default()
    };
    let limits = Limits {
        body_bytes: cli.max_size,
        ..Limits::default()
    };
    let redirects = match cli.max_redirects {
        0 => RedirectPolicy::none(),
        count => RedirectPolicy::limit(count),
    };
    let mut builder = Client::builder()
        .max_connections(concurrency)
        .max_per_host(concurrency)
        .deadlines(deadlines)
        .limits(limits)
        .redirects(redirects)
        .address_guard(AddressGuard::no_escape())
        .user_agent(&cli.user_agent);
    for (name, value) in &cli.header {
        builder = builder.default_header(name, value);
    }
    if let Some(file) = &cli.cacert {
        let text = |error: &dyn std::fmt::Display| format!("--cacert {}: {error}", file.display());
        let pem = std::fs::read(file).map_err(|error| text(&error))?;
        builder = roots(builder, &pem).map_err(|error| text(&error))?;
    }
    builder.build().map_err(|error| error.to_string())
}

#[cfg(feature = "tls")]
fn roots(
    builder: downbeat::http::ClientBuilder,
    pem: &[u8],
) -> Result<downbeat::http::ClientBuilder, downbeat::http::Error> {
    builder.add_root_pem(pem)
}

#[cfg(not(feature = "tls"))]
fn roots<B>(_: B, _: &[u8]) -> Result<B, &'static str> {
    Err("this program was built without TLS")
}
