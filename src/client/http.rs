//! The request side: connections, timeouts, parameters.

use std::sync::Arc;
use std::time::Duration;

use reqwest::redirect::Policy;
use secrecy::{ExposeSecret, SecretString};
use url::Url;

use super::reply;
use crate::domain::ports::Client;
use crate::domain::verdict::RawReply;

/// Idle connections are dropped before the vendor's web server does it: a request on a dying connection is a doubt.
const IDLE: Duration = Duration::from_secs(3);

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
    shape: Arc<RequestShape>,
}

impl HttpClient {
    /// Fails where the platform's TLS roots cannot be loaded.
    pub fn new(shape: RequestShape, settings: HttpSettings) -> anyhow::Result<Self> {
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
        Ok(HttpClient { http, shape: Arc::new(shape) })
    }
}

impl Client for HttpClient {
    async fn ask(&self, value: String) -> RawReply {
        let shape = &self.shape;
        let mut params: Vec<(&str, &str)> = Vec::with_capacity(2 + shape.constants.len());
        params.push((&shape.key_param, shape.key.expose_secret()));
        params.push((&shape.subject_param, &value));
        params.extend(shape.constants.iter().map(|(name, value)| (name.as_str(), value.as_str())));
        let request = match shape.transport {
            Transport::Form => self.http.post(shape.url.clone()).form(&params),
            Transport::Query => self.http.get(shape.url.clone()).query(&params),
        };
        match request.send().await {
            Ok(response) => reply::receive(response).await,
            Err(error) => reply::failed(&error),
        }
    }
}
