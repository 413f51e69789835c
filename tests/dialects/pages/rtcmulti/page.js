// What a page says to the library, and what the library tells it. The query: `id`, `most` participants, `media`, `password`.

const query = new URLSearchParams(location.search);
const media = query.has('media');
const connection = new RTCMultiConnection();
const heard = [];

connection.socketURL = '/';
connection.enableLogs = false;
connection.iceServers = [];
connection.userid = query.get('id') ?? connection.userid;
connection.extra = { name: query.get('id') };
connection.session = media ? { audio: true, video: true } : { data: true };
connection.sdpConstraints.mandatory = { OfferToReceiveAudio: media, OfferToReceiveVideo: media };
connection.maxParticipantsAllowed = Number(query.get('most') ?? 1000);
connection.password = query.get('password');
connection.videosContainer = document.querySelector('#videos');
connection.onopen = ({ userid }) => heard.push(`open ${userid}`);
connection.onmessage = ({ userid, data }) => heard.push(`message ${userid} ${data}`);
connection.onleave = ({ userid, extra }) => heard.push(`leave ${userid} ${extra.name}`);
connection.onEntireSessionClosed = () => heard.push('closed');
connection.onstream = ({ type, userid, mediaElement }) => {
  document.querySelector('#videos').append(mediaElement);
  mediaElement.muted = true;
  mediaElement.play();
  heard.push(`stream ${type} ${userid}`);
};

const answer = (ask) => new Promise((resolve) => ask((...args) => resolve(args)));

window.call = {
  heard,
  connection,
  report: () => ({ id: connection.userid, isInitiator: connection.isInitiator, peers: connection.getAllParticipants(), heard }),
  open: (room) => answer((done) => connection.open(room, done)),
  join: (room) => answer((done) => connection.join(room, done)),
  openOrJoin: (room) => answer((done) => connection.openOrJoin(room, done)),
  presence: (room) => answer((done) => connection.checkPresence(room, done)),
  isPlaying: () => [...document.querySelectorAll('video')].filter((video) => video.getVideoPlaybackQuality().totalVideoFrames > 3).length,
};
