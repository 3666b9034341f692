//! The request side: connections, timeouts, parameters.

use std::sync::Arc;
use std::time::Duration;

use reqwest::header::{CONTENT_TYPE, HeaderValue};
use reqwest::redirect::Policy;
use secrecy::{ExposeSecret, SecretString};
use url::Url;
use url::form_urlencoded::{Serializer, byte_serialize};

use super::reply;
use crate::domain::ports::Client;
use crate::domain::verdict::RawReply;

/// Idle connections are dropped before the vendor's web server does it: a request on a dying connection is a doubt.
const IDLE: Duration = Duration::from_secs(3);

const FORM: HeaderValue = HeaderValue::from_static("application/x-www-form-urlencoded");

/// How parameters travel.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Transport {
    /// POST, `application/x-www-form-urlencoded`.
    Form,
    /// GET, in the query. The key is then part of the URL on the wire.
    Query,
}

/// What stays the same from call to call of a lane.
#[derive(Clone, Debug)]
pub struct RequestShape {
    pub url: Url,
    pub transport: Transport,
    pub key_param: String,
    pub key: SecretString,
    pub subject_param: String,
    pub constants: Vec<(String, String)>,
}

/// How patient the client is.
#[derive(Clone, Copy, Debug)]
pub struct HttpSettings {
    /// From the start of the request to the last byte of the reply.
    pub timeout: Duration,
    /// Less than the timeout, so that an unreachable host is told from a slow one.
    pub connect_timeout: Duration,
    /// Connections kept open.
    pub connections: usize,
    /// Past any proxy that the environment names: for hosts on this machine.
    pub direct: bool,
}

/// The vendor over HTTP, for one lane.
#[derive(Clone)]
pub struct HttpClient {
    http: reqwest::Client,
    template: Arc<Template>,
}

/// A request but for its number.
struct Template {
    url: Url,
    transport: Transport,
    /// The encoded parameters up to where the number goes.
    params: SecretString,
}

impl Template {
    fn new(shape: &RequestShape) -> Self {
        let before = match shape.transport {
            Transport::Query => shape.url.query().unwrap_or_default(),
            Transport::Form => "",
        };
        let mut params = Serializer::new(before.to_owned());
        params.append_pair(&shape.key_param, shape.key.expose_secret());
        params.extend_pairs(&shape.constants);
        params.append_pair(&shape.subject_param, "");
        Template { url: shape.url.clone(), transport: shape.transport, params: params.finish().into() }
    }

    fn params(&self, value: &str) -> String {
        let mut params = self.params.expose_secret().to_owned();
        params.extend(byte_serialize(value.as_bytes()));
        params
    }
}

impl HttpClient {
    /// Fails where the platform's TLS roots cannot be loaded.
    pub fn new(shape: &RequestShape, settings: HttpSettings) -> anyhow::Result<Self> {
        // A second lane finds it installed already.
        let _ = rustls::crypto::ring::default_provider().install_default();
        let mut builder = reqwest::Client::builder()
            .user_agent(concat!("payonce/", env!("CARGO_PKG_VERSION")))
            .redirect(Policy::none())
            .retry(reqwest::retry::never())
            .timeout(settings.timeout)
            .connect_timeout(settings.connect_timeout)
            .pool_idle_timeout(IDLE)
            .pool_max_idle_per_host(settings.connections)
            .tcp_nodelay(true);
        if settings.direct {
            builder = builder.no_proxy();
        }
        let http = builder.build().map_err(|e| anyhow::anyhow!("cannot set up HTTP: {}", reply::chain(&e)))?;
        Ok(HttpClient { http, template: Arc::new(Template::new(shape)) })
    }
}

impl Client for HttpClient {
    async fn ask(&self, value: String) -> RawReply {
        let params = self.template.params(&value);
        let mut url = self.template.url.clone();
        let request = match self.template.transport {
            Transport::Form => self.http.post(url).header(CONTENT_TYPE, FORM).body(params),
            Transport::Query => {
                url.set_query(Some(&params));
                self.http.get(url)
            }
        };
        match request.send().await {
            Ok(response) => reply::receive(response).await,
            Err(error) => reply::failed(&error),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn template(url: &str, transport: Transport) -> Template {
        Template::new(&RequestShape {
            url: url.parse().expect("a URL"),
            transport,
            key_param: "key".to_owned(),
            key: "a&b=c d".into(),
            subject_param: "mobile".to_owned(),
            constants: vec![("type".to_owned(), "每月".to_owned())],
        })
    }

    #[test]
    fn parameters_are_encoded_and_join_a_query_that_is_there() {
        let encoded = "key=a%26b%3Dc+d&type=%E6%AF%8F%E6%9C%88&mobile=1%2B1";
        let table = [
            ("http://h/q", Transport::Form, encoded.to_owned()),
            ("http://h/q?v=2", Transport::Form, encoded.to_owned()),
            ("http://h/q", Transport::Query, encoded.to_owned()),
            ("http://h/q?v=2", Transport::Query, format!("v=2&{encoded}")),
        ];
        for (url, transport, params) in table {
            assert_eq!(template(url, transport).params("1+1"), params, "{url} {transport:?}");
        }
    }
}
