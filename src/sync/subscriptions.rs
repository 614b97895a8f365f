//! Keeps the subscriptions of this deployment as they should be: lists them, and carries out what a plan says. Both the
//! running app and the command line do it by this.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use crate::devops::CallError;
use crate::devops::subscriptions::endpoint::HookEndpoint;
use crate::devops::subscriptions::probe::{ProbeAnswer, probe};
use crate::devops::subscriptions::{Notification, ServiceHooks};
use crate::domain::degradation::Failure;
use crate::domain::scope::Text;
use crate::domain::subscription::plan::HookStep;
use crate::domain::subscription::{HookSubscription, SubscriptionStatus, WantedHook};
use crate::ops::instance::Instance;
use crate::platform::outbound::RootCertificates;
use crate::platform::secret::Secret;

/// How long others wait for an instance that died while it mended subscriptions.
const LEASE: Duration = Duration::from_secs(30);

/// Looks after subscriptions.
#[derive(Clone)]
pub struct HookKeeper {
    /// The organisation's subscriptions.
    pub hooks: Arc<dyn ServiceHooks>,
    /// Where ours lead.
    pub endpoint: HookEndpoint,
    /// Root certificates that are trusted beside those of the machine.
    pub roots: RootCertificates,
}

/// What became of a step.
#[derive(Clone, Debug, PartialEq)]
pub struct StepOutcome {
    /// The step.
    pub step: HookStep,
    /// The subscription that there is now; `None` where there is none, or the step was not done.
    pub id: Option<Text>,
    /// Why it was not done.
    pub failure: Option<StepFailure>,
}

/// Why a step was not done.
#[derive(Clone, Debug, PartialEq)]
pub enum StepFailure {
    /// The app does not take what the subscription would present, so events would be lost.
    NotTaken(ProbeAnswer),
    /// Azure DevOps refused it.
    Refused(CallError),
    /// What came before it failed for a reason that holds for all.
    NotTried,
    /// It was done as often as it is, and each time it is to be done again.
    Remains,
}

impl StepOutcome {
    /// A step that is still to be done after everything was done.
    pub const fn remaining(step: HookStep) -> Self {
        Self { step, id: None, failure: Some(StepFailure::Remains) }
    }
}

impl fmt::Display for StepFailure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NotTaken(answer) => write!(f, "not moved: {}", answer.told()),
            Self::Refused(error) => error.fmt(f),
            Self::NotTried => f.write_str("not tried, because the step before it failed"),
            Self::Remains => f.write_str(
                "it was done, and is still not as it should be: somebody else changes it meanwhile, or Azure DevOps does not \
                 keep what it is given; `boardcast hooks status` says what is wrong",
            ),
        }
    }
}

impl HookKeeper {
    /// The subscriptions that lead here; one call.
    ///
    /// Errors: Azure DevOps does not list them.
    pub async fn found(&self) -> Result<Vec<HookSubscription>, CallError> {
        let listed = self.hooks.subscriptions().await.map_err(|error| self.redacted(error))?;
        Ok(listed.iter().filter_map(|listed| self.endpoint.recognise(listed)).collect())
    }

    /// The newest notification of each; one call.
    ///
    /// Errors: Azure DevOps does not tell them.
    pub async fn last_notifications(
        &self,
        found: &[HookSubscription],
    ) -> Result<BTreeMap<Text, Notification>, CallError> {
        let ids: Vec<Text> = found.iter().map(|subscription| subscription.id.clone()).collect();
        self.hooks.last_notifications(&ids).await.map_err(|error| self.redacted(error))
    }

    /// Has Azure DevOps send a test of a subscription here.
    ///
    /// Errors: it does not.
    pub async fn send_test(&self, wanted: WantedHook) -> Result<Notification, CallError> {
        self.hooks.send_test(&self.endpoint.test(wanted)).await.map_err(|error| self.redacted(error))
    }

    /// What has become of a test.
    ///
    /// Errors: Azure DevOps does not tell it.
    pub async fn test_sent(&self, test: &Notification) -> Result<Notification, CallError> {
        let subscription = test.subscription_id.clone().unwrap_or_default();
        self.hooks.notification(&subscription, test.id).await.map_err(|error| self.redacted(error))
    }

    /// Whether the app takes the secret that subscriptions are to present.
    pub async fn probe(&self) -> ProbeAnswer {
        probe(&self.endpoint, &self.roots).await
    }

    /// The same of another secret.
    pub async fn probe_with(&self, secret: &Secret) -> ProbeAnswer {
        probe(&self.endpoint.with_secret(secret), &self.roots).await
    }

    /// Carries out the steps, one after the other, and says what became of each. What runs beside others is `of` an instance,
    /// which has to have the [lease](Self::is_its_turn) at each of them. A subscription
    /// that works is moved to another secret only when the app has answered it with 200.
    pub async fn carry_out(&self, steps: Vec<HookStep>, of: Option<&Instance>) -> Vec<StepOutcome> {
        let is_taken = match steps.iter().any(HookStep::moves_what_works) {
            true => self.probe().await,
            false => ProbeAnswer::Taken,
        };
        let mut outcomes: Vec<StepOutcome> = Vec::with_capacity(steps.len());
        let (mut goes_on, mut closed) = (true, BTreeSet::new());
        for step in steps {
            let project = step.wanted().project;
            let mut id = None;
            let failure = if step.moves_what_works() && is_taken != ProbeAnswer::Taken {
                Some(StepFailure::NotTaken(is_taken.clone()))
            } else if !goes_on || closed.contains(&project) || !Self::is_its_turn(of).await {
                Some(StepFailure::NotTried)
            } else {
                let failure = match self.take(&step).await {
                    Ok(made) => {
                        id = made;
                        None
                    }
                    Err(error) => Some(self.redacted(error)),
                };
                goes_on = failure.as_ref().is_none_or(|error| !holds_for_all(error.failure));
                // The permission is one of each project.
                closed.extend(
                    failure.as_ref().filter(|error| error.failure == Failure::Forbidden).map(|_| project),
                );
                failure.map(StepFailure::Refused)
            };
            outcomes.push(StepOutcome { step, id, failure });
        }
        outcomes
    }

    /// Whether an instance is the one that mends subscriptions, by a lease that this renews. Whoever is `of` none is.
    pub async fn is_its_turn(of: Option<&Instance>) -> bool {
        let Some(instance) = of else { return true };
        instance.leases.lease("hooks", &instance.id, LEASE).await.unwrap_or(false)
    }

    /// Takes a step; returns the id of the subscription that there is then.
    async fn take(&self, step: &HookStep) -> Result<Option<Text>, CallError> {
        match step {
            HookStep::Create(wanted) => self.create(*wanted).await.map(Some),
            HookStep::Renew { id, wanted } => self.renew(id, *wanted).await.map(Some),
            HookStep::Remove { id, .. } => self.hooks.unsubscribe(id).await.map(|()| None),
            HookStep::Replace { id, wanted, .. } => {
                match self.hooks.replace(id, &self.endpoint.subscription(*wanted)).await {
                    Ok(now)
                        if SubscriptionStatus::read(now.status.as_deref()) == SubscriptionStatus::Enabled =>
                    {
                        Ok(Some(now.id))
                    }
                    // It was not switched on again by that.
                    Ok(_) => self.renew(id, *wanted).await.map(Some),
                    // Somebody removed it meanwhile.
                    Err(error) if error.failure == Failure::Gone => self.create(*wanted).await.map(Some),
                    Err(error) => Err(error),
                }
            }
        }
    }

    async fn create(&self, wanted: WantedHook) -> Result<Text, CallError> {
        Ok(self.hooks.subscribe(&self.endpoint.subscription(wanted)).await?.id)
    }

    /// Makes another one before the old one goes, so that nothing is lost between the two.
    async fn renew(&self, id: &str, wanted: WantedHook) -> Result<Text, CallError> {
        let made = self.create(wanted).await?;
        self.hooks.unsubscribe(id).await?;
        Ok(made)
    }

    /// The error without what subscriptions present: a refusal may repeat what it was sent.
    fn redacted(&self, error: CallError) -> CallError {
        CallError { message: self.endpoint.redacted(&error.message), ..error }
    }
}

/// Whether a failure of one step is one of all: we are not known, or there is no answer.
fn holds_for_all(failure: Failure) -> bool {
    matches!(failure, Failure::Unauthorised | Failure::TimedOut | Failure::Throttled { .. })
}
