//! The APIs, described as data.
//!
//! A profile (TOML) says how an API is asked and how its replies are read; two are built in, users write others in the same form.
//! Nothing about a particular API stands in Rust code. A profile that contradicts itself is refused when it is loaded, before
//! anything is asked.

mod catalogue;
mod codes;
mod profile;
mod segments;

pub use catalogue::{Catalogue, CatalogueError};
pub use codes::{Code, CodeTable, Explanation, Level};
pub use profile::{BillingRule, DataMonth, Document, Field, Method, Profile, ReplyPaths, SubjectForm, SubjectParam};
pub use segments::{Carrier, Segments};
