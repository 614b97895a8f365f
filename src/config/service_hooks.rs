//! Where the service hooks of this deployment lead.

use super::reading::Reading;
use super::{ORGANIZATION_URL, PUBLIC_URL, SECRET, WEBHOOK_KEY};
use crate::devops::credentials::HookAccess;
use crate::devops::subscriptions::endpoint::{EndpointError, HookEndpoint};

impl<Lookup: Fn(&str) -> Option<String>> Reading<Lookup> {
    /// What subscriptions present where this deployment is reached; `None` where it is not said where that is.
    pub(super) fn hook_endpoint(&mut self, access: &HookAccess) -> Option<HookEndpoint> {
        let key = self.secret(WEBHOOK_KEY);
        let Some(public) = self.text(PUBLIC_URL) else {
            if key.is_some() {
                let remedy =
                    "set BOARDCAST_PUBLIC_URL as well, or remove the key: it is used for nothing else";
                self.refuse(WEBHOOK_KEY, "", remedy);
            }
            return None;
        };
        let Some(secret) = access.any_secret() else {
            let remedy = "set BOARDCAST_WEBHOOK_SECRET as well: subscriptions present it";
            self.refuse(PUBLIC_URL, &public, remedy);
            return None;
        };
        if self.text(ORGANIZATION_URL).is_none() {
            let remedy = "set BOARDCAST_ORGANIZATION_URL as well: subscriptions are made there";
            self.refuse(PUBLIC_URL, &public, remedy);
            return None;
        }
        match HookEndpoint::new(&public, secret, key.as_ref()) {
            Ok(endpoint) => Some(endpoint),
            Err(error) => {
                let (name, value) = match error {
                    EndpointError::Address => (PUBLIC_URL, &*public),
                    EndpointError::Secret => (SECRET, ""),
                    EndpointError::Key => (WEBHOOK_KEY, ""),
                };
                self.refuse(name, value, error.to_string());
                None
            }
        }
    }
}
