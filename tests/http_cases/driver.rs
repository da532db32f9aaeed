//! Runs a case: the request, then a probe that shows in what state the client was
//! left.

use std::cell::RefCell;
use std::collections::BTreeMap;
use std::rc::Rc;
use std::time::Duration;

use downbeat::http::{
    Body, Client, Deadlines, Error, Limits, Method, RedirectPolicy, RequestBuilder,
};
use downbeat::time;
use serde_json::Value;

use crate::case::{Case, latin1};
use crate::certificates;
use crate::server::Server;
use crate::verdict::{self, Outcome};
use crate::world::World;

/// A world and the clients in it, one per set of roots; clones are the same.
#[derive(Clone)]
pub(crate) struct Driver {
    world: World,
    clients: Rc<RefCell<BTreeMap<bool, Client>>>,
}

impl Driver {
    pub(crate) fn new(world: World) -> Driver {
        Driver {
            world,
            clients: Rc::default(),
        }
    }

    /// The client that trusts the test root, or the one that does not.
    pub(crate) fn client(&self, trusting: bool) -> Client {
        let make = || {
            let builder = Client::builder().max_connections(1000);
            let builder = match trusting {
                true => builder
                    .only_roots_pem(certificates::root().as_bytes())
                    .unwrap(),
                false => builder,
            };
            self.world.enter(builder).build().unwrap()
        };
        self.clients
            .borrow_mut()
            .entry(trusting)
            .or_insert_with(make)
            .clone()
    }

    /// # Errors
    /// What is wrong, in words.
    pub(crate) async fn run(&self, case: Rc<Case>) -> Result<(), String> {
        let server = Server::start(case.clone(), &self.world);
        let outcome = self.with(&case, &server).await;
        server.stop();
        outcome
    }

    async fn with(&self, case: &Case, server: &Server) -> Result<(), String> {
        let secure = case.is_tls() || case.mentions("{{TLS}}");
        let trusting = secure && case.json["tls"]["trust"] != false;
        let client = self.client(trusting);
        let origin = server.replace("{{ORIGIN}}");
        if case.flag("warmup") {
            let request = settings(case, client.get(format!("{origin}/__warm")));
            let warm = answer(request).await;
            warm.map_err(|error| format!("warm-up: {error}"))?;
        }
        let began = time::now();
        let request = settings(case, main_request(case, server, &client));
        let outcome = answer(request).await;
        let took = time::now() - began;
        let allowed = verdict::of(case, server, &outcome, took)?;
        let wanted = allowed.iter().flatten().next();
        if wanted.is_none() || case.flag("refuse") || case.flag("no_probe") {
            return Ok(());
        }
        let pause = case.number("probe_delay_ms").unwrap_or(30);
        time::sleep(Duration::from_millis(pause)).await;
        let used = server.main.borrow().clone();
        let request = client.get(format!("{origin}/__probe"));
        let probe = answer(request.timeout(Duration::from_secs(8))).await;
        verdict::of_probe(&probe, &used, &allowed)
    }
}

fn main_request(case: &Case, server: &Server, client: &Client) -> RequestBuilder {
    let json = &case.json["request"];
    let url = match json["url"].as_str() {
        Some(url) => server.replace(url),
        None => {
            let path = json["path"].as_str().unwrap_or("/");
            server.replace("{{ORIGIN}}") + path
        }
    };
    let method = Method::new(json["method"].as_str().unwrap_or("GET")).unwrap();
    let mut request = client.request(method, url);
    for (name, value) in pairs(&json["headers"]) {
        request = request.header(&name, latin1(&server.replace(&value)));
    }
    if let Some(body) = json["body"].as_str() {
        let times = json["body_repeat"].as_u64().unwrap_or(1);
        request = request.body(Body::from(latin1(body).repeat(times as usize)));
    }
    request
}

/// Fields as a list of pairs or as an object.
pub(crate) fn pairs(json: &Value) -> Vec<(String, String)> {
    let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
    if let Some(list) = json.as_array() {
        return list
            .iter()
            .map(|pair| (text(&pair[0]), text(&pair[1])))
            .collect();
    }
    let object = json.as_object().into_iter().flatten();
    object
        .map(|(name, value)| (name.clone(), text(value)))
        .collect()
}

/// The options of the case.
pub(crate) fn settings(case: &Case, request: RequestBuilder) -> RequestBuilder {
    let number = |name: &str| case.option(name).as_u64().unwrap();
    let time = |name: &str| Some(Duration::from_millis(number(name)));
    let limits = Limits {
        head_bytes: number("max_header_bytes") as usize,
        line_bytes: number("max_header_bytes") as usize,
        fields: number("max_headers") as usize,
        body_bytes: number("max_body_bytes"),
        ..Limits::default()
    };
    let deadlines = Deadlines {
        connect: time("connect_timeout_ms"),
        tls: time("tls_timeout_ms"),
        first_byte: time("first_byte_timeout_ms"),
        read_idle: time("read_timeout_ms"),
        total: time("total_timeout_ms"),
        ..Deadlines::default()
    };
    let redirects = match case.option("follow_redirects") == true {
        true => RedirectPolicy::limit(number("max_redirects") as u32),
        false => RedirectPolicy::none(),
    };
    request
        .limits(limits)
        .deadlines(deadlines)
        .redirects(redirects)
        .decompress(case.option("decompress") == true)
}

/// Sends the request and reads all of the answer.
pub(crate) async fn answer(request: RequestBuilder) -> Result<Outcome, Error> {
    let mut response = request.send().await?;
    let body = response.read_all().await?;
    Ok(Outcome { response, body })
}
