/** Where a machine without a GPU finds a graphics adapter for tests: SwiftShader, Vulkan in software. */
import { existsSync } from "node:fs";

/** Where Linux distributions put Chromium, which brings SwiftShader along (Debian: packages chromium and libvulkan1). */
const places = [
  "/usr/lib/chromium",
  "/usr/lib/chromium-browser",
  "/usr/lib64/chromium-browser",
  "/opt/google/chrome",
  "/opt/google/chrome-beta",
  "/usr/share/vulkan/icd.d",
];

/**
 * Environment variables that offer SwiftShader to the Vulkan loader beside the system's own drivers; none where it is
 * not installed or the environment names its drivers already. They must be set before the process starts.
 */
export function softwareAdapter(environment: NodeJS.ProcessEnv = process.env): Record<string, string> {
  const isChosen = ["VK_ICD_FILENAMES", "VK_DRIVER_FILES", "VK_ADD_DRIVER_FILES"].some(
    (name) => environment[name],
  );
  if (process.platform !== "linux" || isChosen) return {};
  const driver = places.map((place) => `${place}/vk_swiftshader_icd.json`).find((path) => existsSync(path));
  return driver ? { VK_ADD_DRIVER_FILES: driver } : {};
}
