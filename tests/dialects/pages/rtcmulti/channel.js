// A page in the manner of 2013 on Socket.IO 0.9: whether the channel is there already decides who calls; what is said goes in the
// envelope of openSignalingChannel. The query: `channel` and `name`.

var query = new URLSearchParams(location.search);
var channel = query.get('channel'), name = query.get('name');
var sender = Math.round(Math.random() * 999999999) + 999999999;
var heard = [];
var peer = new RTCPeerConnection();
var queue = Promise.resolve();   // one step after the other

function carry(data) {
  function greet() { heard.push('open'); data.send('hello from ' + name); }
  if (data.readyState === 'open') greet();     // as one that the other side has made may be by now
  else data.onopen = greet;
  data.onmessage = function (event) { heard.push(event.data); };
}
peer.ondatachannel = function (event) { carry(event.channel); };

var root = io.connect(location.origin);
root.on('presence', function (isPresent) {
  heard.push('presence ' + isPresent);
  root.emit('new-channel', { channel: channel, sender: sender });
  var socket = io.connect(location.origin + '/' + channel);
  var say = function (data) { socket.emit('message', { sender: sender, data: Object.assign({ sender: name }, data) }); };
  peer.onicecandidate = function (event) { if (event.candidate) say({ candidate: event.candidate.toJSON() }); };
  socket.on('connect', function () {
    heard.push('in');
    if (!isPresent) return;
    carry(peer.createDataChannel('data'));
    peer.setLocalDescription().then(function () { say({ description: peer.localDescription.toJSON() }); });
  });
  socket.on('message', function (data) {
    queue = queue.then(function () {
      if (data.candidate) return peer.addIceCandidate(data.candidate);
      return peer.setRemoteDescription(data.description).then(function () {
        if (data.description.type !== 'offer') return undefined;
        return peer.setLocalDescription().then(function () { say({ description: peer.localDescription.toJSON() }); });
      });
    });
  });
  socket.on('user-left', function (who) { heard.push('left ' + who); });
});
root.emit('presence', channel);

window.call = { heard: heard, report: function () { return { heard: heard, connection: peer.connectionState }; } };
