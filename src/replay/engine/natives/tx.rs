//! The `tx` object's functions.

use rquickjs::{Ctx, Result, Value as Js};

use super::{clone_all, throw, undefined};
use crate::database::Value;
use crate::replay::engine::clone::{self, Cloned};
use crate::replay::engine::host::Host;
use crate::replay::engine::tx::normalize;

/// Is `id` the running operation's? An older `tx` object writes into the queue of an operation that is over.
pub(super) fn current(host: &Host, args: &[Js<'_>]) -> bool {
    args.first().and_then(Js::as_number) == Some(f64::from(host.generation.get()))
}

pub(super) fn key_argument(values: &[Cloned]) -> std::result::Result<&str, &'static str> {
    match values.first().map(|cloned| &cloned.value) {
        Some(Value::Str(key)) => Ok(key),
        _ => Err("A key string parameter must be supplied"),
    }
}

pub(super) fn tx_arguments<'js>(host: &Host, args: &[Js<'js>]) -> Result<Vec<Cloned>> {
    clone_all(host, args.get(1..).unwrap_or_default())
}

pub(super) fn tx_get<'js>(host: &Host, ctx: &Ctx<'js>, args: &[Js<'js>]) -> Result<Js<'js>> {
    let values = tx_arguments(host, args)?;
    if !current(host, args) {
        host.touch_engine("a tx object of an earlier operation");
    }
    let found = key_argument(&values).and_then(|key| host.queue.borrow().get(key));
    match found {
        Ok(None) => Ok(undefined(ctx)),
        Ok(Some((value, certain))) => {
            if !certain {
                host.touch_engine("tx.get of a value that is not plain data");
            }
            clone::clone_in(ctx, host, &value)
        }
        Err(refusal) => Err(throw(ctx, host, Some("AssertionError"), refusal)),
    }
}

pub(super) fn tx_put<'js>(host: &Host, ctx: &Ctx<'js>, args: &[Js<'js>]) -> Result<Js<'js>> {
    let mut values = tx_arguments(host, args)?;
    let value = if values.len() > 1 {
        values.swap_remove(1)
    } else {
        Cloned { value: Value::Undefined, faithful: true, unpackable: None }
    };
    settle(
        ctx,
        host,
        key_argument(&values).and_then(|key| {
            if current(host, args) { host.queue.borrow_mut().put(key, value) } else { normalize(key).map(drop) }
        }),
    )
}

pub(super) fn tx_delete<'js>(host: &Host, ctx: &Ctx<'js>, args: &[Js<'js>]) -> Result<Js<'js>> {
    let values = tx_arguments(host, args)?;
    settle(
        ctx,
        host,
        key_argument(&values).and_then(|key| {
            if current(host, args) { host.queue.borrow_mut().delete(key) } else { normalize(key).map(drop) }
        }),
    )
}

pub(super) fn tx_input<'js>(host: &Host, ctx: &Ctx<'js>, args: &[Js<'js>], active: bool) -> Result<Js<'js>> {
    let values = tx_arguments(host, args)?;
    let pubkey = values.first().and_then(|opts| opts.value.field("pubkey")).and_then(Value::as_str);
    let pubkey = pubkey.filter(|key| crate::database::ack::is_key_hex(key.as_bytes()));
    settle(
        ctx,
        host,
        match (pubkey, active) {
            (Some(pubkey), _) => {
                if current(host, args) {
                    host.queue.borrow_mut().input(pubkey, active);
                }
                Ok(())
            }
            (None, true) => Err("Must pass a valid {pubkey} string to addOplog"),
            (None, false) => Err("Must pass a valid {pubkey} string to removeOplog"),
        },
    )
}

pub(super) fn tx_source<'js>(host: &Host, ctx: &Ctx<'js>, args: &[Js<'js>]) -> Result<Js<'js>> {
    let values = tx_arguments(host, args)?;
    let code = values.first().and_then(|opts| opts.value.field("code")).and_then(Value::as_str);
    settle(
        ctx,
        host,
        match code {
            Some(code) => {
                if current(host, args) {
                    host.queue.borrow_mut().source(code);
                }
                Ok(())
            }
            None => Err("Must pass a valid {code} string to setContractSource"),
        },
    )
}

pub(super) fn settle<'js>(
    ctx: &Ctx<'js>,
    host: &Host,
    result: std::result::Result<(), &'static str>,
) -> Result<Js<'js>> {
    match result {
        Ok(()) => Ok(undefined(ctx)),
        Err(refusal) => Err(throw(ctx, host, Some("AssertionError"), refusal)),
    }
}
