import type { DetectorName } from "../core/detector.ts";

/** A model file that somebody else publishes, and what makes it the expected one. */
export interface ModelEntry {
  readonly name: DetectorName;
  /** SHA-256 (hex) of the published file: the model's identity in ledgers and job ids. */
  readonly sha256: string;
  readonly bytes: number;
  readonly licence: string;
  /** Who made it, and what may be done with it, in one sentence each. */
  readonly origin: string;
  readonly terms: string;
  /** Whether its terms forbid some uses, so that whoever adds it must say that they know them. */
  readonly restricted: boolean;
  /** Where it is published; absent: it comes with veil's packages. */
  readonly source?: string;
}

/** Every model that veil knows, in the order in which they are recommended. */
export const modelManifest: readonly ModelEntry[] = [
  {
    name: "yunet",
    sha256: "104ee26c71d5c270ce79a6b3dced91c91013260d29a6bf18f9296c5b8c4c2b12",
    bytes: 322_906,
    licence: "Apache-2.0",
    origin: "YuNet n (yunet_n_dynamic.onnx) by Wei Wu, Hanyang Peng and Shiqi Yu, libfacedetection.train.",
    terms: "Free for any use.",
    restricted: false,
    source: "https://raw.githubusercontent.com/ShiqiYu/libfacedetection.train/master/onnx/yunet_n_dynamic.onnx",
  },
  {
    name: "scrfd",
    sha256: "32d20c77b9e2dc1d07e94c2ab9d25bdd5cd05eddbe0b46e7b38e7a1eca22e99a",
    bytes: 3_291_017,
    licence: "research only",
    origin: "SCRFD 2.5g with keypoints (scrfd_2.5g_kps.onnx) by InsightFace, converted in scrfd-opencv.",
    terms: "InsightFace gives its weights for non-commercial research only.",
    restricted: true,
    source: "https://raw.githubusercontent.com/hpc203/scrfd-opencv/main/weights/scrfd_2.5g_kps.onnx",
  },
  {
    name: "mediapipe-full-range",
    sha256: "99bf9494d84f50acc6617d89873f71bf6635a841ea699c17cb3377f9507cfec3",
    bytes: 1_083_984,
    licence: "Apache-2.0",
    origin: "MediaPipe face detection, Full Range, by Google, in the package @mediapipe/face_detection.",
    terms: "Free for any use.",
    restricted: false,
  },
];

/** The manifest's row of a detector. */
export function modelEntry(name: DetectorName): ModelEntry {
  return modelManifest.find((entry) => entry.name === name)!;
}

/** Whether a model comes from elsewhere and lies in the folder of models. */
export function isAdded({ source }: ModelEntry): boolean {
  return source !== undefined;
}
