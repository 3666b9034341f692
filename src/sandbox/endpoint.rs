//! What the vendor sells: paths, number forms, answers and error texts, read from the embedded `vendor.toml`.
//!
//! An answer depends on the number and the path alone, so the same number is told the same thing by every server. Nothing here
//! counts or charges. The data is embedded, so a mistake in it shows at the first start of a server and in the tests.

use std::io;

use serde::Deserialize;

use super::number::{Form, Number, hash};

const VENDOR: &str = include_str!("vendor.toml");

/// The vendor's catalogue.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Catalogue {
    #[serde(rename = "endpoint")]
    pub endpoints: Vec<Endpoint>,
    system: Vec<SystemError>,
}

/// One thing on sale.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Endpoint {
    pub path: String,
    pub title: String,
    /// The first digits of its service error codes.
    module: u32,
    pub form: Form,
    /// Yuan per answered call, as the statement prints it.
    pub price: String,
    #[serde(rename = "field")]
    fields: Vec<Field>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Field {
    name: String,
    values: Vec<String>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct SystemError {
    code: u32,
    reason: String,
    old: String,
}

/// The service errors, which every module numbers alike.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Service {
    SupplierError,
    WrongParameter,
    NoRecord,
    QueryFailed,
}

impl Catalogue {
    pub(super) fn embedded() -> io::Result<Self> {
        toml::from_str(VENDOR)
            .map_err(|error| io::Error::new(io::ErrorKind::InvalidData, format!("vendor.toml: {error}")))
    }

    pub(super) fn find(&self, path: &str) -> Option<usize> {
        self.endpoints.iter().position(|endpoint| endpoint.path == path)
    }

    /// The text of a system error.
    pub(super) fn reason(&self, code: u32) -> &str {
        self.system(code).map_or("未知错误", |error| &error.reason)
    }

    /// The code that stood in `resultcode` before there was an `error_code`.
    pub(super) fn old_code(&self, code: u32) -> Option<&str> {
        self.system(code).map(|error| error.old.as_str())
    }

    fn system(&self, code: u32) -> Option<&SystemError> {
        self.system.iter().find(|error| error.code == code)
    }
}

impl Endpoint {
    /// The `result` object for a number, with the order ID the call was charged under.
    pub(super) fn answer(&self, number: Number, order: &str) -> String {
        let mut result = String::with_capacity(96);
        result.push('{');
        for field in &self.fields {
            let roll = hash(field.name.as_bytes(), hash(self.path.as_bytes(), number.roll(0)));
            let value = usize::try_from(roll % field.values.len() as u64).unwrap_or(0);
            for part in ["\"", &field.name, "\":\"", &field.values[value], "\","] {
                result.push_str(part);
            }
        }
        result.push_str("\"orderid\":\"");
        result.push_str(order);
        result.push_str("\"}");
        result
    }

    pub(super) fn service_code(&self, error: Service) -> u32 {
        self.module * 100
            + match error {
                Service::SupplierError => 1,
                Service::WrongParameter => 2,
                Service::NoRecord => 3,
                Service::QueryFailed => 4,
            }
    }
}

impl Service {
    pub(super) const fn reason(self) -> &'static str {
        match self {
            Service::SupplierError => "服务商网络异常，请重试",
            Service::WrongParameter => "参数错误",
            Service::NoRecord => "查无记录",
            Service::QueryFailed => "查询失败：上游无应答",
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_same_number_gets_the_same_answer_and_all_values_occur() {
        let catalogue = Catalogue::embedded().expect("vendor.toml");
        let ctcc = &catalogue.endpoints[0];
        let mut seen = std::collections::BTreeSet::new();
        for last in 0..2_000 {
            let number = Form::Plain.read(&format!("1731234{last:04}")).expect("a number");
            let answer = ctcc.answer(number, "J1");
            assert_eq!(answer, ctcc.answer(number, "J1"));
            seen.insert(answer);
        }
        assert_eq!(seen.len(), 12 * 12, "every pair of codes occurs");
    }

    #[test]
    fn codes_are_those_of_the_documents() {
        let catalogue = Catalogue::embedded().expect("vendor.toml");
        let codes = |at: usize| {
            [Service::SupplierError, Service::WrongParameter, Service::NoRecord, Service::QueryFailed]
                .map(|error| catalogue.endpoints[at].service_code(error))
        };
        assert_eq!(codes(0), [232_401, 232_402, 232_403, 232_404]);
        assert_eq!(codes(1), [234_801, 234_802, 234_803, 234_804]);
        assert_eq!(catalogue.old_code(10_020), Some("120"));
    }
}
