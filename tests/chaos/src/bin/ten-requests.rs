//! Ten requests, for the torture of system calls: `ten-requests BASE-URL [PEM]`.
//!
//! Exit 0: each of the ten had one outcome, an answer with the right body or a typed
//! error, and all descriptors are back (not counted if `KEEPS_DESCRIPTORS` says that
//! closing is what fails). A loop that cannot be made, and says so, is an outcome too. Anything
//! else, a panic or a wrong body, is not 0. It prints what happened.

use std::io::Write;
use std::process::ExitCode;
use std::time::Duration;

use downbeat::http::{Body, Client, Error, Response};
use downbeat::{Runtime, TaskGroup};
use downbeat_chaos::crowd::{body, deadlines};
use downbeat_chaos::process::holdings;

fn main() -> ExitCode {
    let mut words = std::env::args().skip(1);
    let base = words.next().expect("a base URL");
    let pem = words.next();
    let counted = std::env::var_os("KEEPS_DESCRIPTORS").is_none();
    let descriptors = || if counted { holdings().0 } else { 0 };
    let before = descriptors();
    let told = match scenario(&base, pem.as_deref().map(str::as_bytes)) {
        Ok(told) => told,
        Err(error) => vec![format!("no loop: {error}")],
    };
    let after = descriptors();
    let wrong = told.iter().any(|line| line.contains("WRONG"))
        || told.len() != 10 && !told[0].starts_with("no loop")
        || after > before;
    // Standard output may be what fails.
    let _ = writeln!(std::io::stdout(), "{before} {after} {}", told.join("; "));
    if wrong {
        ExitCode::from(3)
    } else {
        ExitCode::SUCCESS
    }
}

fn scenario(base: &str, pem: Option<&[u8]>) -> std::io::Result<Vec<String>> {
    let mut runtime = Runtime::new()?;
    Ok(runtime.block_on(async {
        let mut builder = Client::builder()
            .deadlines(deadlines(Duration::from_secs(2)))
            .max_connections(2);
        if let Some(pem) = pem {
            builder = builder.only_roots_pem(pem).expect("a root");
        }
        let client = builder.build().expect("a client");
        let mut told = Vec::new();
        // Three at once, then the rest one after the other.
        let mut group = TaskGroup::new();
        for number in 0..3 {
            let (client, base) = (client.clone(), base.to_owned());
            group.spawn(async move { one(&client, &base, number).await });
        }
        while let Some((_, line)) = group.next().await {
            told.push(line.expect("no panic"));
        }
        for number in 3..10 {
            told.push(one(&client, base, number).await);
        }
        told
    }))
}

async fn one(client: &Client, base: &str, number: usize) -> String {
    let kind = ["page", "chunked", "moved", "close", "page"][number % 5];
    let url = format!("{base}/{number}/{kind}");
    let sent = match number {
        4 => client.post(url).body(vec![7; 5000]).send().await,
        6 => {
            client
                .put(url)
                .body(Body::stream(
                    downbeat::testing::Script::new().send("a stream"),
                ))
                .send()
                .await
        }
        _ => client.get(url).send().await,
    };
    match whole(sent).await {
        Ok(bytes) if bytes == body(number) => "ok".to_owned(),
        Ok(bytes) => format!("WRONG body of {number}: {} bytes", bytes.len()),
        Err(error) => format!("{:?}", error.kind()),
    }
}

async fn whole(sent: Result<Response, Error>) -> Result<Vec<u8>, Error> {
    sent?.bytes().await
}
