//! The reply side: the body under a cap, and what a failure proves.

use std::error::Error;
use std::time::{Duration, SystemTime};

use reqwest::Response;
use reqwest::header::{HeaderMap, RETRY_AFTER};

use crate::domain::verdict::RawReply;

/// The documented replies are a few hundred bytes; what is larger is not one of them.
const MAX_BODY: usize = 64 * 1024;

/// Reads a reply to its end.
pub(super) async fn receive(mut response: Response) -> RawReply {
    let http = response.status().as_u16();
    let retry_after = retry_after(response.headers(), SystemTime::now());
    let mut body = Vec::new();
    loop {
        match response.chunk().await {
            Ok(Some(chunk)) if body.len() + chunk.len() > MAX_BODY => {
                return RawReply::Lost { why: format!("HTTP {http} with a body of more than {} KiB", MAX_BODY / 1024) };
            }
            Ok(Some(chunk)) => body.extend_from_slice(&chunk),
            Ok(None) => return RawReply::Received { http, retry_after, body },
            Err(error) if error.is_timeout() => {
                return RawReply::Lost { why: format!("timed out within the body of an HTTP {http} reply") };
            }
            Err(error) => return RawReply::Lost { why: format!("HTTP {http} cut short: {}", chain(&error)) },
        }
    }
}

/// A request that got no reply. Only a failure to connect proves that nothing was sent.
pub(super) fn failed(error: &reqwest::Error) -> RawReply {
    if error.is_connect() {
        RawReply::NotSent { why: chain(error) }
    } else if error.is_timeout() {
        RawReply::Lost { why: "timed out waiting for the reply".to_owned() }
    } else {
        RawReply::Lost { why: chain(error) }
    }
}

/// The causes of an error without its outermost layer, whose text holds the URL, and with a GET the key.
pub(super) fn chain(error: &reqwest::Error) -> String {
    let mut causes = Vec::new();
    let mut cause = error.source();
    while let Some(inner) = cause {
        causes.push(inner.to_string());
        cause = inner.source();
    }
    causes.dedup();
    if causes.is_empty() { "no reply".to_owned() } else { causes.join(": ") }
}

/// Seconds or an HTTP date (RFC 9110, 10.2.3).
fn retry_after(headers: &HeaderMap, now: SystemTime) -> Option<Duration> {
    let text = headers.get(RETRY_AFTER)?.to_str().ok()?.trim();
    match text.parse() {
        Ok(seconds) => Some(Duration::from_secs(seconds)),
        Err(_) => httpdate::parse_http_date(text).ok()?.duration_since(now).ok(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn retry_after_is_seconds_or_a_date() {
        let now = SystemTime::UNIX_EPOCH + Duration::from_secs(1_000_000_000);
        let read = |text: &str| {
            let mut headers = HeaderMap::new();
            headers.insert(RETRY_AFTER, text.parse().expect("a header value"));
            retry_after(&headers, now)
        };
        assert_eq!(read("7"), Some(Duration::from_secs(7)));
        assert_eq!(read(&httpdate::fmt_http_date(now + Duration::from_secs(90))), Some(Duration::from_secs(90)));
        assert_eq!(read("soon"), None);
        assert_eq!(read("-1"), None);
    }
}
