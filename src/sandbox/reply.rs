//! Replies as they go over the wire: the vendor's envelope, spoilt as the ruling says.
//!
//! Nothing is decided or counted here. All texts come from the embedded data and hold no character that JSON would escape; what
//! the client sent is never repeated.

use std::pin::Pin;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use bytes::Bytes;
use hyper::body::{Body, Frame, SizeHint};
use hyper::header::{CONTENT_TYPE, HeaderValue, LOCATION, RETRY_AFTER};
use hyper::{Response, StatusCode};
use tokio::time::{Sleep, sleep};

use super::endpoint::Catalogue;
use super::fault::Fault;
use super::vendor::{Outcome, Ruling};
use super::wire::Cut;

const JSON: &str = "application/json;charset=utf-8";
const HTML: &str = "text/html; charset=utf-8";

/// Where redirects point: a path that is not on sale, so that a client that follows them is seen in the books.
const ELSEWHERE: &str = "/moved";

/// The size of an oversized body; more than any answer can sensibly have.
const OVERSIZED: usize = 8 << 20;

/// The pause between two bytes of a body that never ends.
const DRIP: Duration = Duration::from_millis(50);

/// A body, whole or in pieces.
pub(super) enum ReplyBody {
    Whole(Option<Bytes>),
    /// Begins well, then a blank at a time, for ever.
    Drip {
        begin: Option<Bytes>,
        pause: Pin<Box<Sleep>>,
    },
    /// Page after page until there are no more; for what may be large.
    Pages(Box<dyn FnMut() -> Option<String> + Send>),
}

pub(super) type Reply = Response<ReplyBody>;

impl Body for ReplyBody {
    type Data = Bytes;
    type Error = std::convert::Infallible;

    fn poll_frame(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, Self::Error>>> {
        let data = match self.get_mut() {
            ReplyBody::Whole(body) => body.take(),
            ReplyBody::Pages(next) => next().map(Bytes::from),
            ReplyBody::Drip { begin: begin @ Some(_), .. } => begin.take(),
            ReplyBody::Drip { begin: None, pause } => {
                ready!(pause.as_mut().poll(cx));
                pause.set(sleep(DRIP));
                Some(Bytes::from_static(b" "))
            }
        };
        Poll::Ready(data.map(|data| Ok(Frame::data(data))))
    }

    fn is_end_stream(&self) -> bool {
        matches!(self, ReplyBody::Whole(None))
    }

    fn size_hint(&self) -> SizeHint {
        match self {
            ReplyBody::Whole(body) => SizeHint::with_exact(body.as_ref().map_or(0, |body| body.len() as u64)),
            ReplyBody::Drip { .. } | ReplyBody::Pages(_) => SizeHint::default(),
        }
    }
}

/// Writes down what was ruled, and says where the wire has to be cut.
pub(super) fn write(catalogue: &Catalogue, endpoint: usize, ruling: &Ruling) -> (Reply, Option<Cut>) {
    let cut = match ruling.fault {
        Some(Fault::ResetBeforeCharge | Fault::ResetBeforeReply) => Some(Cut::ResetAtOnce),
        Some(Fault::ResetDuringReply) => Some(Cut::ResetHalfWay),
        Some(Fault::TruncatedBody) => Some(Cut::CloseWithinBody),
        _ => None,
    };
    let reply = match &ruling.outcome {
        Outcome::Answer { number, receipt } => {
            let result = catalogue.endpoints[endpoint].answer(*number, &receipt.order_id());
            answer(ruling, result)
        }
        Outcome::Error(code, reason) => error(catalogue, ruling, *code, reason),
        Outcome::Bare(status) => {
            let mut reply = html(StatusCode::from_u16(*status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR));
            if reply.status().is_redirection() {
                reply.headers_mut().insert(LOCATION, HeaderValue::from_static(ELSEWHERE));
            }
            retry_after(reply, ruling)
        }
        // Cut before the first byte: what stands here is never sent.
        Outcome::Cut => html(StatusCode::INTERNAL_SERVER_ERROR),
    };
    (reply, cut)
}

fn answer(ruling: &Ruling, mut result: String) -> Reply {
    if ruling.fault == Some(Fault::EmptyResult) {
        result = ["null", "\"\"", "[]"][usize::try_from(ruling.roll % 3).unwrap_or(0)].to_owned();
    }
    let zero = if ruling.string_code { "\"0\"" } else { "0" };
    let envelope = format!(r#"{{"reason":"成功","result":{result},"error_code":{zero}}}"#);
    match ruling.fault {
        Some(Fault::Html500Charged) => html(StatusCode::INTERNAL_SERVER_ERROR),
        Some(Fault::WrongContentType) => whole(StatusCode::OK, HTML, envelope),
        Some(Fault::GarbageJson) => whole(StatusCode::OK, JSON, format!("{}<br>", &envelope[..envelope.len() - 3])),
        Some(Fault::DuplicateKey) => {
            let spoilt = format!(r#"{},"error_code":10012}}"#, &envelope[..envelope.len() - 1]);
            whole(StatusCode::OK, JSON, spoilt)
        }
        Some(Fault::OversizedBody) => {
            whole(StatusCode::OK, JSON, format!("{{{}{}", " ".repeat(OVERSIZED), &envelope[1..]))
        }
        Some(Fault::NeverEndingBody) => {
            let begin = Some(Bytes::from(envelope[..envelope.len() - 1].to_owned()));
            with(StatusCode::OK, JSON, ReplyBody::Drip { begin, pause: Box::pin(sleep(DRIP)) })
        }
        _ => whole(StatusCode::OK, JSON, envelope),
    }
}

fn error(catalogue: &Catalogue, ruling: &Ruling, code: u32, reason: &str) -> Reply {
    let body = match catalogue.old_code(code) {
        Some(old) if ruling.resultcode_only => format!(r#"{{"resultcode":"{old}","reason":"{reason}","result":null}}"#),
        _ if ruling.string_code => format!(r#"{{"reason":"{reason}","result":null,"error_code":"{code}"}}"#),
        _ => format!(r#"{{"reason":"{reason}","result":null,"error_code":{code}}}"#),
    };
    let too_many = ruling.fault == Some(Fault::Http429);
    let status = if too_many { StatusCode::TOO_MANY_REQUESTS } else { StatusCode::OK };
    retry_after(whole(status, JSON, body), ruling)
}

fn retry_after(mut reply: Reply, ruling: &Ruling) -> Reply {
    if let Some(seconds) = ruling.retry_after {
        reply.headers_mut().insert(RETRY_AFTER, HeaderValue::from(seconds));
    }
    reply
}

/// A page as a proxy in front of the vendor writes it.
pub(super) fn html(status: StatusCode) -> Reply {
    let page = format!(
        "<html>\r\n<head><title>{status}</title></head>\r\n<body>\r\n<center><h1>{status}</h1></center>\r\n<hr><center>nginx</center>\r\n</body>\r\n</html>\r\n"
    );
    whole(status, HTML, page)
}

pub(super) fn whole(status: StatusCode, content_type: &'static str, body: impl Into<Bytes>) -> Reply {
    with(status, content_type, ReplyBody::Whole(Some(body.into())))
}

pub(super) fn with(status: StatusCode, content_type: &'static str, body: ReplyBody) -> Reply {
    let mut reply = Response::new(body);
    *reply.status_mut() = status;
    reply.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static(content_type));
    reply
}
