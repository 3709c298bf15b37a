// Three sounds that staff tell apart without looking: two rising tones, one long, two low.

const SOUNDS = { green: [[660, 0.12], [990, 0.18]], amber: [[520, 0.4]], red: [[180, 0.25], [140, 0.35]] };

let audio;

export const play = (colour) => {
  try {
    audio ??= new AudioContext();
    let at = audio.currentTime;
    for (const [hertz, seconds] of SOUNDS[colour]) {
      const tone = audio.createOscillator();
      const volume = audio.createGain();
      tone.type = colour === "red" ? "square" : "sine";
      tone.frequency.value = hertz;
      volume.gain.setValueAtTime(0.25, at);
      volume.gain.exponentialRampToValueAtTime(0.001, at + seconds);
      tone.connect(volume).connect(audio.destination);
      tone.start(at);
      tone.stop(at + seconds);
      at += seconds;
    }
    navigator.vibrate?.(colour === "green" ? 80 : [120, 60, 120]);
  } catch {
    // A browser without sound still has the colour and the word.
  }
};
