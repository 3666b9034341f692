//! One attempt at the vendor over HTTP: a request out, a raw reply in.
//!
//! Nothing is retried and no redirect is followed, here or in the library. Only a failure to connect proves that nothing was
//! sent; everything after that which does not end in a whole reply is reported as lost. The key is in the request and nowhere
//! else: not in an error, not in a log (errors are stripped of their URL).

mod http;
mod reply;

pub use http::{HttpClient, HttpSettings, RequestShape, Transport};
