//! The guest's event loop: jobs, unhandled rejections, and host calls answered one at a time.

use rquickjs::{Array, Ctx, Object, Persistent, Value as Js};

use super::{ListEntry, Outcome, ReadError, State};
use crate::database::Value;
use crate::replay::engine::clone::{self, data};
use crate::replay::engine::host::{Exhausted, Host, Pending, Request};

/// Keeps the list of rejections that nobody handles.
pub(super) fn note_rejection<'js>(host: &Host, ctx: &Ctx<'js>, promise: Js<'js>, reason: Js<'js>, handled: bool) {
    let mut rejections = host.rejections.borrow_mut();
    if handled {
        let same = |known: &Persistent<Js<'static>>| known.clone().restore(ctx).is_ok_and(|known| known == promise);
        rejections.retain(|(known, _)| !same(known));
    } else if rejections.len() as u64 >= host.jobs.get() {
        host.exhaust(Exhausted::Jobs);
    } else {
        rejections.push((Persistent::save(ctx, promise), Persistent::save(ctx, reason)));
    }
}

/// The reason of the first rejection that nobody handles; `result` is the call's own promise, which the host handles.
fn unhandled<'js>(ctx: &Ctx<'js>, host: &Host, result: &Js<'js>) -> Option<Js<'js>> {
    let rejections = std::mem::take(&mut *host.rejections.borrow_mut());
    let mut first = None;
    for (promise, reason) in rejections {
        let (Ok(promise), Ok(reason)) = (promise.restore(ctx), reason.restore(ctx)) else { continue };
        if promise != *result && first.is_none() {
            first = Some(reason);
        }
    }
    first
}

/// Why a call gave no value.
pub(super) enum Stop<'js> {
    /// It was rejected.
    Rejected(Js<'js>),
    /// It came to this.
    Outcome(Outcome),
}

/// Drains jobs and answers one host call at a time, in order, until `result` settles.
pub(super) fn event_loop<'js>(
    ctx: &Ctx<'js>,
    host: &Host,
    result: &Js<'js>,
    state: &dyn State,
    reads: &mut u64,
) -> Result<Js<'js>, Stop<'js>> {
    use rquickjs::promise::PromiseState;
    let promise = result.as_promise();
    let mut first = true;
    loop {
        drain(ctx, host);
        if let Some(what) = host.exhausted.get() {
            return Err(Stop::Outcome(Outcome::Exhausted(what)));
        }
        // isolated-vm looks for unhandled rejections when the call's own task ends, not after later ones.
        if std::mem::take(&mut first)
            && let Some(reason) = unhandled(ctx, host, result)
        {
            return Err(Stop::Rejected(reason));
        }
        let Some(promise) = promise else { return Ok(result.clone()) };
        match promise.state() {
            PromiseState::Pending => {}
            PromiseState::Resolved => {
                return promise.result::<Js>().and_then(Result::ok).ok_or(Stop::Outcome(Outcome::NeverSettles));
            }
            PromiseState::Rejected => {
                return match promise.result::<Js>() {
                    Some(Ok(value)) => Ok(value),
                    _ => Err(Stop::Rejected(ctx.catch())),
                };
            }
        }
        match deliver(ctx, host, state, reads) {
            Ok(true) => {}
            Ok(false) => return Err(Stop::Outcome(Outcome::NeverSettles)),
            Err(outcome) => return Err(Stop::Outcome(outcome)),
        }
    }
}

/// Runs queued jobs until there are none.
pub(super) fn drain(ctx: &Ctx<'_>, host: &Host) {
    while ctx.execute_pending_job() {
        match host.jobs.get().checked_sub(1) {
            Some(left) => host.jobs.set(left),
            None => host.exhaust(Exhausted::Jobs),
        }
        if host.exhausted.get().is_some() || host.memory.refused.get() {
            break;
        }
    }
    if ctx.has_exception() {
        drop(ctx.catch());
    }
}

/// Answers the host call whose turn it is, and those whose answers arrive together with that one; false when none waits that
/// will ever be answered.
pub(super) fn deliver(ctx: &Ctx<'_>, host: &Host, state: &dyn State, reads: &mut u64) -> Result<bool, Outcome> {
    let delivery = host.surroundings.get().delivery;
    let mut any = false;
    loop {
        let (call, together) = {
            let mut pending = host.pending.borrow_mut();
            if pending.len() > 1 {
                host.concurrent.set(true);
            }
            // The host serves calls in order, and comes to none behind one that it never answers.
            let served = pending.iter().take_while(|call| !matches!(call.request, Request::Never)).count();
            if served == 0 {
                return Ok(any);
            }
            let turn = host.answered.get();
            host.answered.set(turn.wrapping_add(1));
            let (chosen, together) = delivery.choose(turn, served);
            (pending.remove(chosen), together && served > 1)
        };
        let Some(call) = call else { return Ok(any) };
        give(ctx, host, state, reads, call)?;
        any = true;
        if !together {
            return Ok(true);
        }
    }
}

/// Answers one host call.
fn give(
    ctx: &Ctx<'_>,
    host: &Host,
    state: &dyn State,
    reads: &mut u64,
    Pending { request, resolve }: Pending,
) -> Result<(), Outcome> {
    let answer = match request {
        Request::Never => return Ok(()),
        Request::Console => Ok(Js::new_undefined(ctx.clone())),
        Request::Get(key) => {
            *reads = reads.saturating_add(1);
            match state.get(&key).map_err(unreadable)? {
                None => Ok(Js::new_undefined(ctx.clone())),
                Some((seq, value)) => entry_object(ctx, host, &key, seq, &value),
            }
        }
        Request::List(request) => {
            *reads = reads.saturating_add(1);
            list_objects(ctx, host, &state.list(&request).map_err(unreadable)?)
        }
    };
    let settled = answer.and_then(|answer| resolve.restore(ctx)?.call::<_, ()>((answer,)));
    if settled.is_err() {
        drop(ctx.catch());
    }
    Ok(())
}

fn unreadable(error: ReadError) -> Outcome {
    match error {
        ReadError::Missing(seq) => Outcome::Missing(seq),
        ReadError::Unreadable(why) => Outcome::Unreadable(why),
        ReadError::NeverEnds => Outcome::NeverSettles,
    }
}

fn entry_object<'js>(ctx: &Ctx<'js>, host: &Host, key: &[u8], seq: u64, value: &Value) -> rquickjs::Result<Js<'js>> {
    let path = crate::database::path::display(key);
    let name = path.rsplit('/').next().unwrap_or_default();
    let object = Object::new(ctx.clone())?;
    object.prop("seq", data(seq as f64))?;
    object.prop("container", data(false))?;
    object.prop("name", data(name))?;
    object.prop("path", data(path.as_str()))?;
    object.prop("value", data(clone::clone_in(ctx, host, value)?))?;
    Ok(object.into_value())
}

fn list_objects<'js>(ctx: &Ctx<'js>, host: &Host, list: &[ListEntry]) -> rquickjs::Result<Js<'js>> {
    let array = Array::new(ctx.clone())?;
    for (at, entry) in list.iter().enumerate() {
        let object = Object::new(ctx.clone())?;
        let undefined = || Js::new_undefined(ctx.clone());
        let (seq, value) = match &entry.entry {
            Some((seq, value)) => (Js::new_number(ctx.clone(), *seq as f64), clone::clone_in(ctx, host, value)?),
            None => (undefined(), undefined()),
        };
        object.prop("container", data(entry.container))?;
        object.prop("seq", data(seq))?;
        match &entry.name {
            Some(name) => object.prop("name", data(name.as_str()))?,
            None => object.prop("name", data(undefined()))?,
        }
        object.prop("path", data(entry.path.as_str()))?;
        object.prop("value", data(value))?;
        array.as_object().prop(u32::try_from(at).unwrap_or(u32::MAX), data(object))?;
    }
    Ok(array.into_value())
}
