//! One API as data: how it is asked, how its replies are read, what its codes mean.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;

use serde::{Deserialize, Serialize};

use super::codes::CodeTable;
use super::segments::Carrier;
use crate::domain::freshness::{Month, Stamp};
use crate::domain::ids::ApiId;

/// What the document says about billing.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum BillingRule {
    /// The document says that only code 0 is billed.
    Documented,
    /// The document does not say: other codes are treated as unpaid, but keep their budget reservation.
    Assumed,
}

impl fmt::Display for BillingRule {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            BillingRule::Documented => "documented",
            BillingRule::Assumed => "assumed",
        })
    }
}

/// How a request travels.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "UPPERCASE")]
pub enum Method {
    Post,
    Get,
}

impl fmt::Display for Method {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Method::Post => "POST",
            Method::Get => "GET",
        })
    }
}

/// In which form a subject is named.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum SubjectForm {
    /// The 11 digits.
    Plain,
    /// The SHA-256 of the 11 digits, in lower-case hex.
    Sha256,
}

impl fmt::Display for SubjectForm {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            SubjectForm::Plain => "plain",
            SubjectForm::Sha256 => "sha256",
        })
    }
}

/// Which month an answer speaks of.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum DataMonth {
    /// The month before the call's.
    Previous,
}

impl DataMonth {
    /// The month that a call stamped at `asked` speaks of (Asia/Shanghai).
    pub fn of(self, asked: Stamp) -> Month {
        match self {
            DataMonth::Previous => asked.month().previous(),
        }
    }
}

/// The document that a profile was made from.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Document {
    pub file: String,
    pub title: String,
    /// 版本日期
    pub version: String,
}

/// Where the subject goes in a request.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SubjectParam {
    pub param: String,
    pub form: SubjectForm,
}

/// One field of an answer and the columns it fills.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Field {
    /// Dotted, from the reply's root.
    pub path: String,
    pub meaning: String,
    /// The raw code's column, without the prefix.
    pub column: String,
    /// The label's column, without the prefix. Given exactly where `labels` is.
    pub label_column: Option<String>,
    #[serde(default)]
    pub labels: BTreeMap<String, String>,
}

impl Field {
    /// The first band that the labels leave out, with the code after it, where they are bands such as `(5,10]`.
    pub fn gap(&self) -> Option<(i64, String)> {
        let mut labels: Vec<(i64, &String)> =
            self.labels.iter().filter_map(|(code, label)| Some((code.parse().ok()?, label))).collect();
        labels.sort_unstable();
        labels.windows(2).find_map(|pair| {
            let ((_, before), (code, after)) = (pair[0], pair[1]);
            let (end, start) = (band(before)?.1, band(after)?.0);
            (end != start).then(|| (code, format!("({end},{start}]")))
        })
    }
}

/// The ends of a label such as `(5,10]`.
fn band(label: &str) -> Option<(u32, u32)> {
    let (start, end) = label.strip_prefix('(')?.strip_suffix(']')?.split_once(',')?;
    Some((start.trim().parse().ok()?, end.trim().parse().ok()?))
}

/// Where in a reply things stand: dotted paths from its root.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ReplyPaths {
    pub error_code: String,
    /// The older envelope's code, which counts where `error_code` is missing.
    pub old_code: Option<String>,
    pub reason: String,
    pub order_id: String,
    #[serde(default)]
    pub fields: Vec<Field>,
}

/// An API as data. See `catalog/juhe/` for the two built-in ones.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Profile {
    #[serde(deserialize_with = "api_id")]
    pub id: ApiId,
    /// Leads every output column of this API.
    pub prefix: String,
    pub title: String,
    pub document: Option<Document>,
    pub url: String,
    /// The first is the default.
    pub methods: Vec<Method>,
    pub key_param: String,
    pub carrier: Option<Carrier>,
    pub billing: BillingRule,
    pub subject: SubjectParam,
    /// Constant parameters.
    #[serde(default)]
    pub params: BTreeMap<String, String>,
    pub reply: ReplyPaths,
    pub data_month: Option<DataMonth>,
    /// The profile's own codes over the vendor's system table.
    #[serde(default)]
    pub codes: CodeTable,
}

fn api_id<'de, D: serde::Deserializer<'de>>(deserializer: D) -> Result<ApiId, D::Error> {
    String::deserialize(deserializer).map(|id| ApiId::new(&id))
}

impl Profile {
    /// What is wrong with this profile, if anything.
    pub fn check(&self) -> Result<(), String> {
        let name_like =
            |text: &str| !text.is_empty() && text.chars().all(|c| c.is_ascii_alphanumeric() || c == '-' || c == '_');
        if !name_like(self.id.as_str()) {
            return Err(format!("id = \"{}\": use letters, digits, - and _", self.id));
        }
        if !name_like(&self.prefix) {
            return Err(format!("prefix = \"{}\": use letters, digits, - and _", self.prefix));
        }
        if self.methods.is_empty() {
            return Err("methods is empty: name POST, GET or both".to_owned());
        }
        url::Url::parse(&self.url).map_err(|e| format!("url = \"{}\": {e}", self.url))?;
        if self.codes.get(0).is_none() {
            return Err("codes has no entry for 0, the code of an answer".to_owned());
        }
        for field in &self.reply.fields {
            if field.label_column.is_some() == field.labels.is_empty() {
                return Err(format!("field {}: label_column and labels go together", field.path));
            }
        }
        let mut seen = BTreeSet::new();
        for column in self.columns() {
            if !seen.insert(column.clone()) {
                return Err(format!("two output columns are named {column}"));
            }
        }
        Ok(())
    }

    /// Whether it is only assumed that codes other than 0 are unbilled.
    pub fn is_assumed(&self) -> bool {
        self.billing == BillingRule::Assumed
    }

    /// The output columns of this API, in order (CONTRACT: Output).
    pub fn columns(&self) -> Vec<String> {
        let mut names = vec!["status"];
        for field in &self.reply.fields {
            names.push(&field.column);
            names.extend(field.label_column.as_deref());
        }
        names.extend(["error_code", "reason", "order_id", "queried_at"]);
        if self.data_month.is_some() {
            names.push("data_month");
        }
        names.into_iter().map(|name| format!("{}_{name}", self.prefix)).collect()
    }

    /// Replaces labels of the field whose code or label column is `column`; says which columns there are if none is.
    pub fn relabel(&mut self, column: &str, labels: &BTreeMap<String, String>) -> Result<(), String> {
        let known: Vec<String> = self.reply.fields.iter().filter_map(|field| field.label_column.clone()).collect();
        let field =
            self.reply.fields.iter_mut().find(|field| field.label_column.as_deref() == Some(column)).ok_or_else(
                || format!("{} has no labelled column '{column}'; it has: {}", self.id, known.join(", ")),
            )?;
        field.labels.extend(labels.iter().map(|(code, label)| (code.clone(), label.clone())));
        Ok(())
    }
}
