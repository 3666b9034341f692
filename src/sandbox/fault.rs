//! The faults by name, and what each means for the bill.

/// What goes wrong with a call.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Fault {
    SupplierError,
    QueryFailed,
    NoRecord,
    InternalError,
    Throttle,
    ResetBeforeCharge,
    Html500Uncharged,
    Redirect,
    Http429,
    ResetBeforeReply,
    ResetDuringReply,
    TruncatedBody,
    SlowReply,
    Html500Charged,
    EmptyResult,
    GarbageJson,
    OversizedBody,
    NeverEndingBody,
    WrongContentType,
    DuplicateKey,
    Maintenance,
    Quota,
    ExpiredKey,
}

impl Fault {
    /// As the chaos profile and the bill call it.
    pub(super) const fn name(self) -> &'static str {
        match self {
            Fault::SupplierError => "supplier_error",
            Fault::QueryFailed => "query_failed",
            Fault::NoRecord => "no_record",
            Fault::InternalError => "internal_error",
            Fault::Throttle => "throttle_10011",
            Fault::ResetBeforeCharge => "reset_before_charge",
            Fault::Html500Uncharged => "html_500_uncharged",
            Fault::Redirect => "redirect",
            Fault::Http429 => "http_429",
            Fault::ResetBeforeReply => "reset_before_reply",
            Fault::ResetDuringReply => "reset_during_reply",
            Fault::TruncatedBody => "truncated_body",
            Fault::SlowReply => "slow_reply",
            Fault::Html500Charged => "html_500_charged",
            Fault::EmptyResult => "empty_result",
            Fault::GarbageJson => "garbage_json",
            Fault::OversizedBody => "oversized_body",
            Fault::NeverEndingBody => "never_ending_body",
            Fault::WrongContentType => "wrong_content_type",
            Fault::DuplicateKey => "duplicate_key",
            Fault::Maintenance => "maintenance",
            Fault::Quota => "quota",
            Fault::ExpiredKey => "expired_key",
        }
    }

    /// Whether the vendor finds its answer and charges for it before things go wrong.
    pub(super) const fn is_charged(self) -> bool {
        match self {
            Fault::ResetBeforeReply
            | Fault::ResetDuringReply
            | Fault::TruncatedBody
            | Fault::SlowReply
            | Fault::Html500Charged
            | Fault::EmptyResult
            | Fault::GarbageJson
            | Fault::OversizedBody
            | Fault::NeverEndingBody
            | Fault::WrongContentType
            | Fault::DuplicateKey => true,
            Fault::SupplierError
            | Fault::QueryFailed
            | Fault::NoRecord
            | Fault::InternalError
            | Fault::Throttle
            | Fault::ResetBeforeCharge
            | Fault::Html500Uncharged
            | Fault::Redirect
            | Fault::Http429
            | Fault::Maintenance
            | Fault::Quota
            | Fault::ExpiredKey => false,
        }
    }

    /// Whether the reply certainly never arrives whole.
    pub(super) const fn loses_reply(self) -> bool {
        matches!(
            self,
            Fault::ResetBeforeCharge
                | Fault::ResetBeforeReply
                | Fault::ResetDuringReply
                | Fault::TruncatedBody
                | Fault::NeverEndingBody
        )
    }
}
