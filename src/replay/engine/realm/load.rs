//! Loading a contract: modules, the prelude, and the module's own code.

use std::cell::Cell;
use std::rc::Rc;

use rquickjs::loader::{ImportAttributes, Loader, Resolver};
use rquickjs::module::{Declared, Evaluated};
use rquickjs::{Ctx, Error, Function, Module, Object, Persistent, Promise, Value as Js};

use super::events::{Stop, event_loop};
use super::{LoadError, Outcome, State};
use crate::replay::engine::clone::Probes;
use crate::replay::engine::host::{Exhausted, Host};
use crate::replay::engine::{cmath, natives, raw};

/// Resolves static imports; once the contract is loaded, every further import is a dynamic one, and refused.
#[derive(Clone, Default)]
pub(super) struct Modules {
    pub loaded: Rc<Cell<bool>>,
}

impl Resolver for Modules {
    fn resolve<'js>(
        &mut self,
        _: &Ctx<'js>,
        base: &str,
        name: &str,
        _: Option<ImportAttributes<'js>>,
    ) -> rquickjs::Result<String> {
        // One instance of each specifier, whoever imports it.
        if base.is_empty() || self.loaded.get() {
            Err(Error::new_resolving(base, name))
        } else {
            Ok(format!("std:{name}"))
        }
    }
}

impl Loader for Modules {
    fn load<'js>(
        &mut self,
        ctx: &Ctx<'js>,
        name: &str,
        _: Option<ImportAttributes<'js>>,
    ) -> rquickjs::Result<Module<'js, Declared>> {
        let source = match name {
            "std:contract" => include_str!("../prelude/contract.js"),
            "std:assert" => include_str!("../prelude/assert.js"),
            "std:util" => include_str!("../prelude/util.js"),
            // Vitra's resolver answers every other name with an empty module.
            _ => "",
        };
        Module::declare(ctx.clone(), name, source)
    }
}

/// What a loaded contract offers.
pub(super) struct Guest<'js> {
    pub namespace: Object<'js>,
    pub tx: Function<'js>,
    pub ack: Function<'js>,
}

pub(super) fn load_guest<'js>(
    ctx: &Ctx<'js>,
    host: &Rc<Host>,
    source: &str,
    pubkey: &str,
    state: &dyn State,
) -> Result<Guest<'js>, LoadError> {
    let stopped = |host: &Host| match (host.exhausted.get(), host.memory.refused.get()) {
        (Some(what), _) => Some(LoadError::Exhausted(what)),
        (None, true) => Some(LoadError::Exhausted(Exhausted::Memory)),
        (None, false) => None,
    };
    let (tx, ack) = prelude(ctx, host, pubkey).map_err(|_| {
        stopped(host).unwrap_or_else(|| LoadError::Evaluation(format!("prelude: {}", exception_text(ctx)).into()))
    })?;
    let declared = Module::declare(ctx.clone(), "contract", source)
        .map_err(|_| stopped(host).unwrap_or_else(|| LoadError::Syntax(exception_text(ctx).into())))?;
    let failed = |ctx: &Ctx<'js>| {
        let text = exception_text(ctx);
        stopped(host).unwrap_or_else(|| LoadError::Evaluation(text.into()))
    };
    let (module, promise): (Module<'js, Evaluated>, Promise<'js>) = declared.eval().map_err(|_| failed(ctx))?;
    let mut reads = 0;
    match event_loop(ctx, host, promise.as_value(), state, &mut reads) {
        Ok(_) => {}
        Err(Stop::Rejected(error)) => {
            ctx.throw(error);
            return Err(failed(ctx));
        }
        Err(Stop::Outcome(Outcome::Exhausted(what))) => return Err(LoadError::Exhausted(what)),
        Err(Stop::Outcome(_)) => return Err(LoadError::Evaluation("the module never settles".into())),
    }
    if let Some(error) = stopped(host) {
        return Err(error);
    }
    if reads > 0 {
        host.touch("a read while the module loads");
    }
    let namespace = module.namespace().map_err(|_| failed(ctx))?;
    Ok(Guest { namespace, tx, ack })
}

pub(super) fn exception_text(ctx: &Ctx<'_>) -> String {
    let thrown = ctx.catch();
    match thrown.as_exception() {
        Some(error) => error.message().unwrap_or_default(),
        None => raw::text_bytes(&thrown).map(|bytes| String::from_utf8_lossy(&bytes).into_owned()).unwrap_or_default(),
    }
}

fn prelude<'js>(ctx: &Ctx<'js>, host: &Rc<Host>, pubkey: &str) -> rquickjs::Result<(Function<'js>, Function<'js>)> {
    let sorts: Function = ctx.eval(concat!("(() => {", include_str!("../prelude/sort.js"), "\n})"))?;
    let sorts: Object = sorts.call(())?;
    let newer: Js = ctx.json_parse(include_str!("../prelude/newer-names.json"))?;
    let taint: Function = ctx.eval(include_str!("../prelude/taint.js"))?;
    let tools: Object = taint.call((natives::taint_host(ctx, host)?, newer, sorts))?;
    let tool = |name: &str| Ok::<_, Error>(Persistent::save(ctx, tools.get::<_, Function>(name)?));
    let probes = Probes {
        date: tool("date")?,
        regexp: tool("regexp")?,
        items: tool("items")?,
        bytes: tool("bytes")?,
        other_view: tool("otherView")?,
        error: tool("error")?,
        unboxed: tool("unboxed")?,
        own: tool("own")?,
        thrown: tool("thrown")?,
        mark: tool("mark")?,
        make_date: tool("makeDate")?,
    };
    *host.probes.borrow_mut() = Some(probes);
    let guest: Function = ctx.eval(include_str!("../prelude/guest.js"))?;
    let names = natives::GUEST_GLOBALS.to_vec();
    let made: Object = guest.call((natives::guest_host(ctx, host, pubkey)?, names))?;
    host.taint.take();
    cmath::take();
    Ok((made.get("tx")?, made.get("ack")?))
}
