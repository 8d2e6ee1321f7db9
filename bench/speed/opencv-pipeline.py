"""A straightforward face blur with OpenCV, as people write it: one process of it.

usage: opencv-pipeline.py MODEL OUT LONG_SIDE SCORE FILE...

imdecode, YuNet through cv2.dnn at one size, its boxes decoded and suppressed, GaussianBlur on each box, imencode. The
model is YuNet n with a fixed input of 640 x 640 (cv2 4.6 can't run the one with any size).
"""
import sys

import cv2
import numpy as np


def detect(net, picture, side, score):
    height, width = picture.shape[:2]
    scale = side / max(height, width)
    small = cv2.resize(picture, (round(width * scale), round(height * scale)), interpolation=cv2.INTER_AREA)
    canvas = np.zeros((side, side, 3), np.uint8)
    canvas[: small.shape[0], : small.shape[1]] = small
    names = [f"{head}_{stride}" for head in ("cls", "obj", "bbox") for stride in (8, 16, 32)]
    net.setInput(cv2.dnn.blobFromImage(canvas))
    answers = dict(zip(names, net.forward(names)))
    boxes, scores = [], []
    for stride in (8, 16, 32):
        columns = side // stride
        classes, objects = answers[f"cls_{stride}"].reshape(-1), answers[f"obj_{stride}"].reshape(-1)
        found = np.sqrt(np.clip(classes, 0, 1) * np.clip(objects, 0, 1))
        cells = np.nonzero(found >= score)[0]
        box = answers[f"bbox_{stride}"].reshape(-1, 4)[cells]
        x = (cells % columns + box[:, 0]) * stride
        y = (cells // columns + box[:, 1]) * stride
        w, h = np.exp(box[:, 2]) * stride, np.exp(box[:, 3]) * stride
        boxes += np.stack([x - w / 2, y - h / 2, w, h], 1).tolist()
        scores += found[cells].tolist()
    kept = cv2.dnn.NMSBoxes(boxes, scores, score, 0.45)
    return [[value / scale for value in boxes[index]] for index in np.array(kept).reshape(-1)]


def main():
    model, out, side, score, *files = sys.argv[1:]
    cv2.setNumThreads(1)
    net = cv2.dnn.readNetFromONNX(model)
    for file in files:
        picture = cv2.imdecode(np.fromfile(file, np.uint8), cv2.IMREAD_COLOR)
        height, width = picture.shape[:2]
        for x, y, w, h in detect(net, picture, int(side), float(score)):
            left, top = max(0, int(x - 0.35 * w)), max(0, int(y - 0.6 * w))
            right, bottom = min(width, int(x + 1.35 * w)), min(height, int(y + h + 0.3 * w))
            if right <= left or bottom <= top:
                continue
            part = picture[top:bottom, left:right]
            sigma = max(1.0, 0.3 * w)
            picture[top:bottom, left:right] = cv2.GaussianBlur(part, (0, 0), sigma)
        coded = cv2.imencode(".jpg", picture, [cv2.IMWRITE_JPEG_QUALITY, 90])[1]
        coded.tofile(f"{out}/{file.rsplit('/', 1)[-1]}")


main()
