const RETRY_MS = [500, 1500, 4000];

/**
 * A photograph, loaded and decoded, so that it appears whole and at once.
 *
 * @param {string} url
 * @returns {Promise<HTMLImageElement>}
 * @throws {DOMException} EncodingError, where it could not be had after several tries
 */
export async function photograph(url) {
  const image = new Image();
  image.alt = "The photograph to paint";
  image.draggable = false;
  for (const wait of RETRY_MS) {
    try {
      image.src = url;
      await image.decode();
      return image;
    } catch {
      await new Promise((resolve) => setTimeout(resolve, wait));
    }
  }
  image.src = url;
  await image.decode();
  return image;
}
