//! `vitra-watch watch`: the service, from its configuration to its end.

mod notify;

use std::io::Write;
use std::net::TcpListener;
use std::path::{Path, PathBuf};

use rustix::process::{Resource, getrlimit, setrlimit};
use tokio::signal::unix::{Signal as Heard, SignalKind, signal};
use tokio::sync::{mpsc, oneshot};

use super::args::WatchArgs;
use super::runtimes::Place;
use super::{Failure, escape, exit};
use crate::alerts::Channels;
use crate::config::Config;
use crate::sandbox::Sandbox;
use crate::watch::control;
use crate::watch::live::Live;
use crate::watch::service::{Places, Service, Signal};
use crate::web::{Site, serve};
use crate::worker::Launcher;
use notify::Systemd;

/// Orders that wait.
const MAX_ORDERS: usize = 64;

/// Runs the service until SIGINT or SIGTERM.
pub(super) fn run(args: &WatchArgs, runtimes: &Place, out: &mut dyn Write) -> Result<u8, Failure> {
    raise_limit_of_files();
    let config = load(&args.config)?;
    let channels = Channels::open(&config.alerts).map_err(|error| Failure::new(exit::CONFIGURATION, error))?;
    let sandbox = Sandbox::new(args.sandbox.unwrap_or(config.sandbox));
    let sandbox = sandbox.map_err(|error| Failure::new(exit::CONFIGURATION, error))?;
    notify::say(&sandbox.statement());
    let places = places(&config, sandbox, runtimes)?;
    let live = Live::default();
    let site = Site {
        state: places.state.clone(),
        live: live.clone(),
        evidence: places.evidence.clone(),
        title: config.web.title.clone().unwrap_or_else(|| config.name.clone()),
        url: config.web.url.as_ref().map(ToString::to_string),
        watcher: config.name.clone(),
        webhook_key: channels.public_keys().into_iter().next().map(|(_, key)| key),
    };
    let web = config.web.listen.map(TcpListener::bind).transpose();
    let web = web.map_err(|error| Failure::new(exit::CONFIGURATION, format!("web.listen: {error}")))?;
    if let Some(web) = &web {
        writeln!(out, "status page: http://{}/", web.local_addr()?)?;
    }
    let runtimes = places.launcher.runtimes().map_or_else(
        || {
            "none (`vitra-watch runtimes install`): lies about contracts that are not plain stay unverifiable"
                .to_owned()
        },
        |dir| escape(&dir.display().to_string()),
    );
    writeln!(out, "reference runtimes: {runtimes}")?;
    writeln!(out, "data: {}", escape(&places.state.with_file_name("").display().to_string()))?;
    out.flush()?;
    let pages = web.map(|listener| Pages::start(listener, site)).transpose()?;
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    let result = runtime.block_on(watch(config, channels, places, live, &args.config));
    if let Some(pages) = pages {
        pages.stop();
    }
    result
}

/// Each database has a worker, with pipes, and each peer a connection: what shells allow by default is enough for some
/// hundred of them. Workers lower it for themselves.
fn raise_limit_of_files() {
    let mut limit = getrlimit(Resource::Nofile);
    limit.current = limit.maximum;
    // What cannot be raised stays as it is.
    let _ = setrlimit(Resource::Nofile, limit);
}

async fn watch(config: Config, channels: Channels, places: Places, live: Live, file: &Path) -> Result<u8, Failure> {
    let (tell, signals) = mpsc::channel(1);
    let (order, orders) = mpsc::channel(MAX_ORDERS);
    let mut systemd = Systemd::new();
    // From now on, however long it takes to open everything: until then the system ends a process by its signals.
    let [interrupt, terminate, hangup] =
        [SignalKind::interrupt(), SignalKind::terminate(), SignalKind::hangup()].map(signal);
    tokio::spawn(listen(tell, file.to_owned(), [interrupt?, terminate?, hangup?]));
    control::listen(&places.socket, order).map_err(|error| Failure::new(exit::INTERNAL, error))?;
    let socket = places.socket.clone();
    let service = Service::open(config, channels, places, live, (signals, orders), &mut systemd);
    service.map_err(|error| Failure::new(exit::INTERNAL, error))?.run().await;
    systemd.stopping();
    // Nobody answers there any more.
    let _ = std::fs::remove_file(socket);
    Ok(exit::VERIFIED)
}

/// Turns signals of the system into those of the service.
async fn listen(tell: mpsc::Sender<Signal>, file: PathBuf, [mut interrupt, mut terminate, mut hangup]: [Heard; 3]) {
    loop {
        let signal = tokio::select! {
            _ = interrupt.recv() => Signal::Stop,
            _ = terminate.recv() => Signal::Stop,
            _ = hangup.recv() => {
                notify::reloading();
                match Config::load(&file) {
                    Ok(config) => Signal::Reload(Box::new(config)),
                    Err(error) => {
                        notify::say(&format!("the configuration stays as it was: {error}"));
                        notify::reloaded();
                        continue;
                    }
                }
            }
        };
        let last = matches!(signal, Signal::Stop);
        if tell.send(signal).await.is_err() || last {
            return;
        }
    }
}

/// Reads the configuration.
pub(super) fn load(file: &Path) -> Result<Config, Failure> {
    Ok(Config::load(file)?)
}

/// Where the configuration says that everything is: in its data directory, systemd's, or the user's.
pub(super) fn places(config: &Config, sandbox: Sandbox, runtimes: &Place) -> Result<Places, Failure> {
    let state = || std::env::var_os("STATE_DIRECTORY").map(PathBuf::from).filter(|path| path.is_absolute());
    let data = config.data.clone().or_else(state).or_else(super::download::data_home);
    let data = data.ok_or_else(|| Failure::new(exit::CONFIGURATION, "name a directory with data: HOME is not set"))?;
    let failed = |error: std::io::Error| Failure::new(exit::INTERNAL, format!("{}: {error}", data.display()));
    std::fs::create_dir_all(&data).map_err(failed)?;
    let data = data.canonicalize().map_err(failed)?;
    let runtimes = match &config.runtimes {
        Some(dir) if runtimes.named.is_none() => Place { named: Some(dir.clone()) }.usual()?,
        _ => runtimes.or(Some(data.join("runtimes")))?,
    };
    Ok(Places::below(&data, Launcher::new(std::env::current_exe()?, sandbox).with_runtimes(runtimes)))
}

/// The status page, in a thread of its own: who visits it does not hold up the service.
struct Pages {
    stop: oneshot::Sender<()>,
    thread: std::thread::JoinHandle<()>,
}

impl Pages {
    fn start(listener: TcpListener, site: Site) -> Result<Pages, Failure> {
        listener.set_nonblocking(true)?;
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
        let (stop, stopped) = oneshot::channel::<()>();
        let serve = async move {
            let listener = tokio::net::TcpListener::from_std(listener)?;
            serve(listener, site, async { drop(stopped.await) }).await
        };
        let work = move || {
            if let Err(error) = runtime.block_on(serve) {
                notify::say(&format!("the status page has ended: {error}"));
            }
        };
        let thread = std::thread::Builder::new().name("web".to_owned()).spawn(work)?;
        Ok(Pages { stop, thread })
    }

    fn stop(self) {
        // One that has ended by itself has said so.
        let _ = self.stop.send(());
        let _ = self.thread.join();
    }
}
