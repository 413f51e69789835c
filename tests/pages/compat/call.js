// Two pages that open a data channel to each other, as the snippets of 2013 do it: everybody says who it is, the lower number
// offers, and everybody hears everything. `open({channel, onopen, onmessage})` returns something with `send`.

var me = Math.round(Math.random() * 1e15);
var peers = {};
var socket;

function log(text) {
  var line = document.createElement('li');
  line.textContent = text;
  document.getElementById('log').appendChild(line);
}

function peerFor(other, offers) {
  if (peers[other]) return peers[other];
  var peer = peers[other] = new RTCPeerConnection({ iceServers: [] });
  peer.onicecandidate = function (event) {
    if (event.candidate) socket.send({ sender: me, to: other, candidate: event.candidate.toJSON() });
  };
  peer.ondatachannel = function (event) { use(event.channel, other); };
  if (!offers) return peer;
  use(peer.createDataChannel('chat'), other);
  peer.createOffer().then(function (offer) {
    return peer.setLocalDescription(offer).then(function () { socket.send({ sender: me, to: other, sdp: { type: offer.type, sdp: offer.sdp } }); });
  });
  return peer;
}

function use(channel, other) {
  function greet() { channel.send('hello from ' + me); }
  if (channel.readyState === 'open') greet();       // as one that the other side has made may be by now
  else channel.onopen = greet;
  channel.onmessage = function (event) { log(event.data === 'hello from ' + other ? 'they say hello' : 'not theirs: ' + event.data); };
}

function take(message) {
  if (message.sender === me || (message.to && message.to !== me)) return;
  var other = message.sender;
  if (message.greets) {
    if (peers[other]) return;
    socket.send({ sender: me, greets: true });         // who came first may have been heard by nobody
    if (me < other) peerFor(other, true);
    return;
  }
  var peer = peerFor(other, false);
  if (message.candidate) {
    peer.steps = (peer.steps || Promise.resolve()).then(function () { return peer.addIceCandidate(message.candidate); });
    return;
  }
  peer.steps = (peer.steps || Promise.resolve()).then(function () { return peer.setRemoteDescription(message.sdp); }).then(function () {
    if (message.sdp.type !== 'offer') return undefined;
    return peer.createAnswer().then(function (answer) {
      return peer.setLocalDescription(answer).then(function () { socket.send({ sender: me, to: other, sdp: { type: answer.type, sdp: answer.sdp } }); });
    });
  });
}

function start(open) {
  socket = open({
    channel: location.hash.slice(1),
    onopen: function () { socket.send({ sender: me, greets: true }); },
    onmessage: take
  });
}
