//! What a diagnosis finds: one thing that was looked at, how it is, and what to do about it.

use std::borrow::Cow;
use std::time::Duration;

use serde::{Deserialize, Serialize};

/// How long an app may take to examine itself: less than whoever asks waits for an answer, and much less than the 230 s after
/// which the platform breaks a request off.
pub const EXAMINATION_MAX: Duration = Duration::from_secs(60);

/// How something is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Diagnosis {
    /// As it should be.
    Ok,
    /// It cannot be told, by whoever was asked.
    Unknown,
    /// It works, and is not as it should be.
    Warning,
    /// It does not work.
    Fault,
}

impl Diagnosis {
    /// The word for it.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Ok => "ok",
            Self::Unknown => "unknown",
            Self::Warning => "warning",
            Self::Fault => "FAULT",
        }
    }
}

/// Something that was looked at.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Finding {
    /// What was looked at, in a word or two with dots between.
    pub check: Cow<'static, str>,
    /// How it is.
    pub diagnosis: Diagnosis,
    /// That in words. It holds no secret.
    pub says: String,
    /// What to do about it: a command for a shell, in which what nobody here can know stands in angle brackets. Nothing where
    /// all is well.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub remedy: Option<String>,
}

impl Finding {
    /// All is well.
    pub fn ok(check: &'static str, says: impl Into<String>) -> Self {
        Self { check: check.into(), diagnosis: Diagnosis::Ok, says: says.into(), remedy: None }
    }

    /// It cannot be told.
    pub fn unknown(check: &'static str, says: impl Into<String>, remedy: impl Into<String>) -> Self {
        Self::of(Diagnosis::Unknown, check, says, remedy)
    }

    /// It is not as it should be.
    pub fn warning(check: &'static str, says: impl Into<String>, remedy: impl Into<String>) -> Self {
        Self::of(Diagnosis::Warning, check, says, remedy)
    }

    /// It does not work.
    pub fn fault(check: &'static str, says: impl Into<String>, remedy: impl Into<String>) -> Self {
        Self::of(Diagnosis::Fault, check, says, remedy)
    }

    fn of(
        diagnosis: Diagnosis,
        check: &'static str,
        says: impl Into<String>,
        remedy: impl Into<String>,
    ) -> Self {
        Self { check: check.into(), diagnosis, says: says.into(), remedy: Some(remedy.into()) }
    }
}
