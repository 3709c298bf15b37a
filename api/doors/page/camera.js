// Scanning with the camera, where the browser reads bar codes itself.

const EVERY_MS = 150;
const SAME_AGAIN_MS = 3000;

export const canScan = () => "BarcodeDetector" in globalThis && Boolean(navigator.mediaDevices?.getUserMedia);

// Calls `found(text)` for each code before the camera, once while it stays there.
export const scanWith = async (video, found) => {
  const detector = new BarcodeDetector({ formats: ["qr_code"] });
  video.srcObject = await navigator.mediaDevices.getUserMedia({ video: { facingMode: "environment" } });
  video.hidden = false;
  await video.play();
  let last = "", lastAt = 0;
  const look = async () => {
    const codes = video.readyState >= 2 ? await detector.detect(video).catch(() => []) : [];
    const now = Date.now();
    for (const { rawValue } of codes) {
      if (rawValue !== last || now - lastAt > SAME_AGAIN_MS) await found(rawValue);
      [last, lastAt] = [rawValue, Date.now()];
    }
    setTimeout(look, EVERY_MS);
  };
  look();
};
