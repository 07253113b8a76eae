//! `lab serve`: a peer with a lab's database, honest or not.

use std::io::Write;
use std::time::{Duration, Instant};

use super::super::args::ServeArgs;
use super::super::{Failure, exit};
use crate::archive::{ImportError, hex};
use crate::hypercore::Key;
use crate::lab::serve::{Directory, Server, ways};
use crate::swarm::discovery::{Config, Swarm};

pub(super) fn run(args: &ServeArgs, out: &mut dyn Write) -> Result<u8, Failure> {
    if args.listen_tcp.is_none() && args.bootstrap.is_empty() {
        return Err(Failure::new(exit::USAGE, "name where to serve: --listen-tcp, --bootstrap or both"));
    }
    let way = ways().find(|way| way.name == args.behaviour);
    let way = way.ok_or_else(|| Failure::new(exit::USAGE, format!("there is no behaviour {}", args.behaviour)))?;
    if (way.name == "split-view") != args.other.is_some() {
        return Err(Failure::new(exit::USAGE, "--other goes with --behaviour split-view, which needs it"));
    }
    let malformed = |error: ImportError| Failure::new(exit::MALFORMED, error);
    let dirs = std::iter::once(&args.dir).chain(&args.other);
    let directories = dirs.map(|dir| Directory::open(dir)).collect::<Result<Vec<_>, _>>().map_err(malformed)?;
    let indexes: Vec<Key> = directories.first().into_iter().flat_map(Directory::indexes).copied().collect();
    for key in &indexes {
        writeln!(out, "database      {}", hex(key))?;
    }
    let mut server = Server::new(directories, way);
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    runtime.block_on(async {
        if let Some(place) = args.listen_tcp {
            let listener = tokio::net::TcpListener::bind(place).await;
            let listener = listener.map_err(|error| Failure::new(exit::USAGE, format!("{place}: {error}")))?;
            writeln!(out, "listening     tcp://{}", listener.local_addr()?)?;
            server.listen(listener);
        }
        if !args.bootstrap.is_empty() {
            let config = Config {
                bootstrap: args.bootstrap.clone(),
                listen: args.socket.listen,
                firewalled: args.socket.firewalled,
            };
            server.join(Swarm::open(&config).await.map_err(|error| Failure::new(exit::INTERNAL, error))?);
        }
        out.flush()?;
        let end = args.seconds.and_then(|seconds| Instant::now().checked_add(Duration::from_secs(seconds.into())));
        let mut unsaid = indexes;
        while end.is_none_or(|end| Instant::now() < end) {
            server.step().await;
            for key in unsaid.extract_if(.., |key| server.is_announced(key)) {
                writeln!(out, "announced     {}", hex(&key))?;
                out.flush()?;
            }
        }
        server.leave().await;
        Ok(exit::VERIFIED)
    })
}
