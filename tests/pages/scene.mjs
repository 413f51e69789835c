// A person in front of the camera, drawn: what the pictures of the pages show. Runs in the page, before its scripts.

export function drawnCamera({ shirt, wall, skin, hair }) {
  navigator.mediaDevices.getUserMedia = async ({ video, audio }) => {
    const stream = new MediaStream();
    if (audio) {
      const sound = new AudioContext();
      for (const track of sound.createMediaStreamDestination().stream.getTracks()) stream.addTrack(track);
    }
    if (!video) return stream;
    const canvas = Object.assign(document.createElement('canvas'), { width: 960, height: 640 });
    const c = canvas.getContext('2d');
    const disc = (x, y, rx, ry, colour) => {
      c.fillStyle = colour;
      c.beginPath();
      c.ellipse(x, y, rx, ry, 0, 0, 7);
      c.fill();
    };
    const draw = () => {
      const sway = 6 * Math.sin(Date.now() / 900);
      const light = c.createLinearGradient(0, 0, 960, 640);
      light.addColorStop(0, wall[0]);
      light.addColorStop(1, wall[1]);
      c.fillStyle = light;
      c.fillRect(0, 0, 960, 640);
      c.fillStyle = 'rgb(255 255 255 / 16%)';
      c.fillRect(90, 60, 190, 260);
      c.fillRect(300, 60, 190, 260);
      disc(480 + sway, 265, 150, 165, hair);                       // hair
      disc(480 + sway / 2, 690, 300, 240, shirt);                  // shoulders
      c.fillStyle = skin;
      c.fillRect(430 + sway, 380, 100, 110);                       // neck
      disc(480 + sway, 300, 112, 142, skin);                       // face
      disc(480 + sway, 205, 118, 62, hair);
      disc(438 + sway, 292, 11, 13, '#2c2420');
      disc(522 + sway, 292, 11, 13, '#2c2420');
      c.strokeStyle = '#8a4a3c';
      c.lineWidth = 8;
      c.lineCap = 'round';
      c.beginPath();
      c.arc(480 + sway, 345, 38, 0.25 * Math.PI, 0.75 * Math.PI);
      c.stroke();
    };
    draw();
    setInterval(draw, 120);
    for (const track of canvas.captureStream(8).getTracks()) stream.addTrack(track);
    return stream;
  };
}

export const people = [
  { name: 'Ada', shirt: '#3c5a78', wall: ['#e9dcc6', '#c9b08a'], skin: '#d9a07a', hair: '#3a2a22' },
  { name: 'Grace Hopper', shirt: '#8c4a3e', wall: ['#cfdcd6', '#8fb0a5'], skin: '#8d5a3c', hair: '#1f1a18' },
  { name: 'مريم', shirt: '#4d6b4f', wall: ['#d9d5e6', '#a9a2c4'], skin: '#e8c3a0', hair: '#b5783c' },
  { name: '', shirt: '#5b4a7a', wall: ['#d8e3ec', '#9db4c8'], skin: '#b97a56', hair: '#4a3328' },
];
