//! Requests: which path, which method, which parameters; the vendor's own and those of whoever reads the bill.
//!
//! Every request outside `/sandbox/` is counted the moment its head is read. Errors are replies, never panics: a bad request is
//! answered as the vendor would, and a body that breaks off is dropped with its connection.

use std::sync::Arc;

use http_body_util::{BodyExt, LengthLimitError, Limited};
use hyper::body::Incoming;
use hyper::header::CONTENT_TYPE;
use hyper::{Method, Request, StatusCode};
use url::form_urlencoded;

use super::chaos::Chaos;
use super::fault::Fault;
use super::reply::{self, Reply, ReplyBody};
use super::vendor::{PAGE_LINES, Query, Vendor};
use super::wire::Grip;

const JSON: &str = "application/json;charset=utf-8";
const CSV: &str = "text/csv; charset=utf-8";
const TEXT: &str = "text/plain; charset=utf-8";

/// The largest body that is read.
const LARGEST: usize = 64 << 10;

pub(super) async fn handle(vendor: Arc<Vendor>, grip: Grip, request: Request<Incoming>) -> Reply {
    if request.uri().path().starts_with("/sandbox/") {
        return control(&vendor, request).await;
    }
    let Some(endpoint) = vendor.catalogue.find(request.uri().path()) else {
        vendor.arrive(None);
        return turned_away(&vendor, StatusCode::NOT_FOUND);
    };
    let arrival = vendor.arrive(Some(endpoint));
    let query = match read_query(request).await {
        Ok(query) => query,
        Err(status) => return turned_away(&vendor, status),
    };
    let ruling = vendor.rule(endpoint, &arrival, &query);
    // Replies that are sure to be lost are in the books already.
    if !ruling.fault.is_some_and(Fault::loses_reply) {
        grip.owe(ruling.outcome.is_charged());
    }
    let pause = vendor.latency + ruling.delay;
    if !pause.is_zero() {
        tokio::time::sleep(pause).await;
    }
    let (reply, cut) = reply::write(&vendor.catalogue, endpoint, &ruling);
    if let Some(cut) = cut {
        grip.cut(cut);
    }
    reply
}

fn turned_away(vendor: &Vendor, status: StatusCode) -> Reply {
    vendor.turn_away(status.as_u16());
    reply::html(status)
}

/// The parameters of a call: from the query of a GET, from the form of a POST, and from nowhere else.
async fn read_query(request: Request<Incoming>) -> Result<Query, StatusCode> {
    if request.method() == Method::GET {
        return Ok(parameters(request.uri().query().unwrap_or_default().as_bytes()));
    }
    if request.method() != Method::POST {
        return Err(StatusCode::METHOD_NOT_ALLOWED);
    }
    let kind = request.headers().get(CONTENT_TYPE).and_then(|kind| kind.to_str().ok()).unwrap_or_default();
    let kind = kind.split(';').next().unwrap_or_default().trim();
    if !kind.eq_ignore_ascii_case("application/x-www-form-urlencoded") {
        return Err(StatusCode::UNSUPPORTED_MEDIA_TYPE);
    }
    match Limited::new(request.into_body(), LARGEST).collect().await {
        Ok(body) => Ok(parameters(&body.to_bytes())),
        Err(error) if error.is::<LengthLimitError>() => Err(StatusCode::PAYLOAD_TOO_LARGE),
        // It broke off; whoever sent it is likely gone.
        Err(_) => Err(StatusCode::BAD_REQUEST),
    }
}

/// A parameter given twice is as good as none: the vendor does not guess which one is meant.
fn parameters(form: &[u8]) -> Query {
    let (mut key, mut number) = (Vec::new(), Vec::new());
    for (name, value) in form_urlencoded::parse(form) {
        match &*name {
            "key" => key.push(value.into_owned()),
            "mobile" => number.push(value.into_owned()),
            _ => {}
        }
    }
    let only = |mut values: Vec<String>| if values.len() == 1 { values.pop() } else { None };
    Query { key: only(key), number: only(number).unwrap_or_default() }
}

/// The paths of whoever runs the sandbox. They are not requests to the vendor and are not counted.
async fn control(vendor: &Arc<Vendor>, request: Request<Incoming>) -> Reply {
    match (request.method(), request.uri().path()) {
        (&Method::GET, "/sandbox/bill") => match serde_json::to_vec(&vendor.bill()) {
            Ok(json) => reply::whole(StatusCode::OK, JSON, json),
            Err(error) => reply::whole(StatusCode::INTERNAL_SERVER_ERROR, TEXT, error.to_string()),
        },
        (&Method::GET, "/sandbox/bill/numbers") => reply::with(StatusCode::OK, CSV, numbers(Arc::clone(vendor))),
        (&Method::GET, "/sandbox/statement.csv") => reply::with(StatusCode::OK, CSV, statement(Arc::clone(vendor))),
        (&Method::POST, "/sandbox/chaos") => {
            let Ok(body) = Limited::new(request.into_body(), LARGEST).collect().await else {
                return reply::whole(StatusCode::PAYLOAD_TOO_LARGE, TEXT, "the profile is too long\n");
            };
            match Chaos::named_or_text(&String::from_utf8_lossy(&body.to_bytes())) {
                Ok(chaos) => {
                    let now = format!("{chaos}\n");
                    vendor.set_chaos(chaos);
                    reply::whole(StatusCode::OK, TEXT, now)
                }
                Err(error) => reply::whole(StatusCode::BAD_REQUEST, TEXT, format!("{error}\n")),
            }
        }
        _ => reply::html(StatusCode::NOT_FOUND),
    }
}

/// The vendor's statement.
fn statement(vendor: Arc<Vendor>) -> ReplyBody {
    let mut from = 0;
    ReplyBody::Pages(Box::new(move || {
        let page = vendor.statement_page(from)?;
        from += 1;
        Some(page)
    }))
}

/// Every number that was charged, with how often.
fn numbers(vendor: Arc<Vendor>) -> ReplyBody {
    let mut head = Some("endpoint,number,charged\n".to_owned());
    let (mut at, mut from) = (0, 0);
    ReplyBody::Pages(Box::new(move || {
        if let Some(head) = head.take() {
            return Some(head);
        }
        while let Some(endpoint) = vendor.catalogue.endpoints.get(at) {
            match vendor.read(|books| books.numbers(at, endpoint, from, PAGE_LINES)) {
                Some(page) => {
                    from += PAGE_LINES;
                    // A page of numbers that were asked about and never charged is empty, and an empty chunk ends a body.
                    if !page.is_empty() {
                        return Some(page);
                    }
                }
                None => (at, from) = (at + 1, 0),
            }
        }
        None
    }))
}
