// What a process that runs a stranger's code is started behind: no network, no other processes, no files but the system's
// programs and libraries and what is named, and nothing of it can be written.

import { spawnSync } from 'node:child_process'
import { existsSync, realpathSync } from 'node:fs'
import { Undecided } from './msgpack.js'

const SURROUNDINGS = ['TZ=UTC', 'LC_ALL=C', 'PATH=/usr/bin:/bin']
const SYSTEM = ['/usr', '/lib', '/lib64', '/bin']

function bubblewrap (paths) {
  const binds = paths.flatMap((path) => ['--ro-bind', path, path])
  const variables = SURROUNDINGS.flatMap((pair) => ['--setenv', ...pair.split('=')])
  return ['bwrap', '--unshare-all', '--die-with-parent', '--new-session', '--clearenv', ...variables, '--dev', '/dev', ...binds, '--']
}

// The same with what Linux has by itself, where users may have namespaces: a root of its own, in memory, into which the paths up to
// `--` are mounted, and no capability that would lead out of it.
const SCRIPT = `set -e
mount -t tmpfs -o mode=755,size=1m none /mnt
while [ "$1" != -- ]; do
  if [ -L "$1" ]; then cp -P "$1" "/mnt$1"
  elif [ -d "$1" ]; then
    mkdir -p "/mnt$1"; mount --rbind "$1" "/mnt$1"; mount -o remount,bind,ro "/mnt$1" || true
  else
    mkdir -p "/mnt\${1%/*}"; : > "/mnt$1"; mount --bind "$1" "/mnt$1"; mount -o remount,bind,ro "/mnt$1" || true
  fi
  shift
done
shift
mkdir -p /mnt/dev
for device in null urandom; do : > "/mnt/dev/$device"; mount --bind "/dev/$device" "/mnt/dev/$device"; done
mount -o remount,bind,ro /mnt
cd /
exec /usr/sbin/chroot /mnt setpriv --no-new-privs --bounding-set=-all --inh-caps=-all -- "$@"`

const namespaces = (paths) => ['unshare', '--user', '--map-root-user', '--net', '--pid', '--mount', '--ipc', '--fork', '--kill-child', '--',
  'env', '-i', ...SURROUNDINGS, 'sh', '-c', SCRIPT, 'sh', ...paths, '--']

const works = (fence) => {
  const [program, ...args] = fence
  // What is not named is not there.
  const looks = ['sh', '-c', 'test ! -e /etc/passwd && ! touch /usr/vitra-watch-writes']
  return spawnSync(program, [...args, ...looks], { timeout: 10_000, stdio: 'ignore' }).status === 0
}

let kind

// What stands before a program and its arguments.
export function fence (paths) {
  const isInside = (path) => SYSTEM.some((other) => path.startsWith(other + '/'))
  const all = [...SYSTEM, ...paths.map((path) => realpathSync(path)).filter((path) => !isInside(path))].filter(existsSync)
  kind ??= [bubblewrap, namespaces].find((kind) => works(kind(all))) ?? null
  if (!kind) throw new Undecided('the contract is not run: neither bubblewrap nor namespaces of Linux lock it away from files and network')
  return kind(all)
}
