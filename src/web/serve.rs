//! Connections: HTTP/1.1 in the open, for a proxy or for readers of its own machine. Nobody can hold one for long, whoever reads or writes
//! slowly, and nobody can hold many.

use std::collections::HashMap;
use std::net::IpAddr;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use axum::Router;
use axum::extract::Request;
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::{Service as _, service_fn};
use hyper_util::rt::{TokioIo, TokioTimer};
use hyper_util::service::TowerToHyperService;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{Semaphore, watch};
use tokio::task::JoinSet;

use super::router::{Peer, router};
use super::{Site, limit};

/// Connections at once, and of one address.
const CONNECTIONS: usize = 512;
const OF_ONE: usize = 32;
/// How long the first line and the headers may take; and how long a connection may be idle.
const HEADERS: Duration = Duration::from_secs(15);
/// How long a connection may last: time for a large proof over a slow line.
const LIFE: Duration = Duration::from_secs(600);
/// Bytes of a request's first line and headers.
const HEADER_BYTES: usize = 16 * 1024;
/// How long what is being sent may take once the service stops.
const GRACE: Duration = Duration::from_secs(5);
/// How long to wait when no connection can be accepted: no descriptors, above all.
const PAUSE: Duration = Duration::from_millis(100);

/// How many connections each address has. Addresses of this machine may be a proxy's, and are not counted.
#[derive(Clone, Debug, Default)]
struct Counts(Arc<Mutex<HashMap<IpAddr, usize>>>);

impl Counts {
    fn add(&self, address: IpAddr) -> Option<Counted> {
        let counted = Counted { counts: self.clone(), address: limit::asker(address, None) };
        if let Some(address) = counted.address {
            let mut counts = self.0.lock().unwrap_or_else(PoisonError::into_inner);
            let count = counts.entry(address).or_default();
            *count += 1;
            if *count > OF_ONE {
                drop(counts);
                return None;
            }
        }
        Some(counted)
    }
}

/// A connection that is counted until this is dropped.
#[derive(Debug)]
struct Counted {
    counts: Counts,
    address: Option<IpAddr>,
}

impl Drop for Counted {
    fn drop(&mut self) {
        let Some(address) = self.address else { return };
        let mut counts = self.counts.0.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(count) = counts.get_mut(&address) {
            *count -= 1;
            if *count == 0 {
                counts.remove(&address);
            }
        }
    }
}

/// Serves the site until `shutdown` is done, and then what is still being sent for some seconds.
///
/// # Errors
/// None at present: a connection that cannot be accepted is not the last one.
pub async fn serve(
    listener: TcpListener,
    site: Site,
    shutdown: impl Future<Output = ()> + Send + 'static,
) -> std::io::Result<()> {
    let app = router(site);
    let places = Arc::new(Semaphore::new(CONNECTIONS));
    let counts = Counts::default();
    let (stop, stopped) = watch::channel(false);
    let mut connections = JoinSet::new();
    tokio::pin!(shutdown);
    loop {
        // Those that are over are forgotten.
        while connections.try_join_next().is_some() {}
        let accepted = tokio::select! {
            () = &mut shutdown => break,
            place = Arc::clone(&places).acquire_owned() => {
                let Ok(place) = place else { break };
                tokio::select! {
                    () = &mut shutdown => break,
                    accepted = listener.accept() => accepted.map(|accepted| (accepted, place)),
                }
            }
        };
        match accepted {
            Ok(((stream, peer), place)) => {
                if let Some(counted) = counts.add(peer.ip()) {
                    let (app, stopped) = (app.clone(), stopped.clone());
                    connections.spawn(async move {
                        connection(stream, peer.ip(), app, stopped).await;
                        drop((place, counted));
                    });
                }
            }
            Err(_) => tokio::time::sleep(PAUSE).await,
        }
    }
    drop(listener);
    // Nobody listens when there are no connections.
    let _ = stop.send(true);
    let _ = tokio::time::timeout(GRACE, async { while connections.join_next().await.is_some() {} }).await;
    Ok(())
}

async fn connection(stream: TcpStream, peer: IpAddr, app: Router, mut stopped: watch::Receiver<bool>) {
    // What cannot be set is not worth a connection.
    let _ = stream.set_nodelay(true);
    let _ = rustix::net::sockopt::set_tcp_user_timeout(&stream, HEADERS.as_millis() as u32);
    let app = TowerToHyperService::new(app);
    let service = service_fn(move |mut request: Request<Incoming>| {
        request.extensions_mut().insert(Peer(peer));
        app.call(request)
    });
    let connection = http1::Builder::new()
        .timer(TokioTimer::new())
        .header_read_timeout(HEADERS)
        .max_buf_size(HEADER_BYTES)
        .max_headers(64)
        .serve_connection(TokioIo::new(stream), service);
    tokio::pin!(connection);
    let life = tokio::time::sleep(LIFE);
    tokio::pin!(life);
    let mut stopping = false;
    loop {
        tokio::select! {
            // A client that broke off or sent nonsense.
            _ = &mut connection => return,
            () = &mut life => return,
            _ = stopped.changed(), if !stopping => {
                stopping = true;
                connection.as_mut().graceful_shutdown();
            }
        }
    }
}
