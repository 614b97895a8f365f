//! What stands in where the organisation is gone and nothing is known that may still be shown, if `BOARDCAST_MOCK` asks
//! for it: boards of a simulated organisation of its own. They are marked as such in every payload, shown and never
//! learnt: nothing of them gets into the journal.

use std::io;
use std::sync::Arc;

use crate::app::{Adapters, App};
use crate::board::snapshot::{ScopeFilter, StandIn};
use crate::config::{Config, Organization};
use crate::demo::Demo;
use crate::domain::scope::Scope;
use crate::domain::wire::event::Cause;
use crate::platform::clock;

/// Begins a simulated organisation and reads its boards. Errors: it cannot be served, or not be read.
pub async fn stand_in() -> io::Result<StandIn> {
    let demo = Demo::start(clock::system()).await?;
    let organization = Organization { url: demo.organization(), token: None };
    let nothing_set = Config::from_lookup(|_| None).map_err(io::Error::other)?;
    let config = Config { organization: Some(organization), ..nothing_set };
    let app = App::new(&config, Adapters::configured(&config).map_err(io::Error::other)?);
    if let Some(source) = &app.source {
        let check = source.check(Cause::System).await;
        check.error.map_or(Ok(()), |error| Err(io::Error::other(error)))?;
    }
    let boards = {
        let state = app.instance.fold.read();
        app.snapshots.scopes(&state, &ScopeFilter::default())
    };
    // The organisation stays as it was read: it is a picture, and nobody is to take it for life.
    Ok(Arc::new(move |scope: Scope| {
        let of = boards.get(place(scope).checked_rem(boards.len())?)?;
        Some(app.snapshots.view(*of))
    }))
}

/// A number that is the same for a board every time.
fn place(scope: Scope) -> usize {
    scope.to_string().bytes().fold(0, |sum: usize, byte| sum.wrapping_mul(31).wrapping_add(byte.into()))
}
