//! The fields that are asked for. A server knows those of the processes it has ever had: one without Scrum, for instance,
//! has no `Microsoft.VSTS.CMMI.Blocked`, and refuses a whole call that names it.

use std::collections::BTreeSet;
use std::sync::{Mutex, MutexGuard, PoisonError};

use super::transport::Refused;
use crate::devops::fields::read_with;
use crate::domain::scope::Text;

/// What the refusal is called, and how its message begins.
const NO_SUCH_FIELD: [&str; 2] = ["WorkItemTrackingFieldDefinitionNotFound", "TF51535"];

/// The fields that the organisation does not know.
#[derive(Debug, Default)]
pub(super) struct AskedFields {
    unknown: Mutex<BTreeSet<String>>,
}

impl AskedFields {
    /// The fields that are always read and those that are `named`, without those that the organisation does not know.
    pub(super) fn with<'a>(&self, named: &'a BTreeSet<Text>) -> Vec<&'a str> {
        let unknown = self.unknown();
        let mut fields = read_with(named);
        fields.retain(|name| !unknown.contains(*name));
        fields
    }

    /// Takes in that one of these fields is not known, if that is what was refused: then it is worth asking again.
    pub(super) fn learn(&self, asked: &[&str], Refused { error, type_key }: &Refused) -> bool {
        if !NO_SUCH_FIELD.iter().any(|sign| type_key.contains(sign) || error.message.contains(sign)) {
            return false;
        }
        let message = error.message.to_lowercase();
        let named = asked.iter().filter(|name| message.contains(&name.to_lowercase()));
        let Some(field) = named.max_by_key(|name| name.len()) else { return false };
        // Whether or not another call was told so first: this one asked for it.
        if self.unknown().insert((*field).to_owned()) {
            tracing::info!(field, "the organisation does not know a field, which is not asked for any more");
        }
        true
    }

    fn unknown(&self) -> MutexGuard<'_, BTreeSet<String>> {
        self.unknown.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::devops::CallError;
    use crate::domain::degradation::Failure;

    fn refused(type_key: &str, message: &str) -> Refused {
        let error = CallError {
            failure: Failure::Unreadable,
            call: "a call",
            status: Some(400),
            message: message.into(),
        };
        Refused { error, type_key: type_key.into() }
    }

    #[test]
    fn a_field_that_a_server_does_not_know_is_left_out_from_then_on() {
        let fields = AskedFields::default();
        let named = BTreeSet::from(["Custom.Points".into(), "Custom.Points2".into()]);
        for name in ["Microsoft.VSTS.CMMI.Blocked", "custom.points2"] {
            let asked = fields.with(&named);
            let refused = refused(
                "WorkItemTrackingFieldDefinitionNotFoundException",
                &format!("TF51535: Cannot find field {name}."),
            );
            assert!(fields.learn(&asked, &refused));
        }
        let left = fields.with(&named);
        assert!(
            !left.contains(&"Microsoft.VSTS.CMMI.Blocked") && !left.contains(&"Custom.Points2"),
            "{left:?}"
        );
        assert!(left.contains(&"System.State") && left.contains(&"Custom.Points"), "{left:?}");
    }

    #[test]
    fn any_other_refusal_is_one() {
        let fields = AskedFields::default();
        let asked = fields.with(&BTreeSet::new()).len();
        for (type_key, message) in [
            ("VssPropertyValidationException", "System.Title is wrong"),
            (
                "WorkItemTrackingFieldDefinitionNotFoundException",
                "TF51535: Cannot find field Custom.Unasked.",
            ),
        ] {
            let named = BTreeSet::new();
            assert!(!fields.learn(&fields.with(&named), &refused(type_key, message)));
        }
        assert_eq!(fields.with(&BTreeSet::new()).len(), asked);
    }
}
