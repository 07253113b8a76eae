// node hostile.js: hostile peers over TCP on 127.0.0.1, below Hypercore. A line of input is a command, a line of output its
// answer.
//
// {"hostile": WAY}      listens, and behaves like this to whoever connects; answers {port}
//   garbage             frames of random bytes
//   opens               opens channels for unknown logs without end, and reads nothing
//   half-open           accepts, and never says a word
//   hangup              ends each connection when the handshake is done
'use strict'
const net = require('net')
const crypto = require('crypto')
const readline = require('readline')
const SecretStream = require('@hyperswarm/secret-stream')
const Protomux = require('protomux')

const WAYS = {
  garbage (stream) {
    const timer = setInterval(() => stream.write(crypto.randomBytes(1 + crypto.randomInt(5000))), 5)
    stream.on('close', () => clearInterval(timer))
    stream.resume()
  },
  opens (stream) {
    const mux = new Protomux(stream)
    const more = () => {
      if (stream.destroyed) return
      mux.cork()
      for (let i = 0; i < 5000; i++) mux.createChannel({ protocol: 'hypercore/alpha', id: crypto.randomBytes(32) }).open()
      mux.uncork()
      setTimeout(more, 20)
    }
    stream.pause()
    more()
  },
  hangup (stream) {
    stream.destroy()
  }
}

const COMMANDS = {
  hostile ({ hostile }) {
    const server = net.createServer((socket) => {
      socket.on('error', () => {})
      if (hostile === 'half-open') return
      const stream = new SecretStream(false, socket)
      stream.on('error', () => {})
      stream.opened.then((opened) => opened && WAYS[hostile](stream), () => {})
    })
    return new Promise((resolve) => server.listen(0, '127.0.0.1', () => resolve({ port: server.address().port })))
  }
}

async function main () {
  for await (const line of readline.createInterface({ input: process.stdin })) {
    const command = JSON.parse(line)
    const name = Object.keys(command).find((key) => COMMANDS[key])
    console.log(JSON.stringify(await COMMANDS[name](command)))
  }
}

main().finally(() => process.exit())
