/** What `veil attack --help` says about its input. */
export const attackHelp = `
DIR holds a folder for each person with at least two photographs of that person:
  DIR/ada/1.jpg   the gallery: the attacker has it, clear
  DIR/ada/2.jpg   the probe: masked, to be recognised
  DIR/ada/3.jpg   and further ones only train attackers
Take different occasions: where clothes and place are the same, they give the person away.
A few hundred people are needed to tell 1 % from 3 %. People are split in two halves by a hash of their folders'
names; attackers train on one and are tested on the other. Nothing is written but the report.

A recogniser is an ONNX file that takes one face of 112 x 112 pixels, laid by its eyes, nose and mouth where ArcFace
expects them, and answers with a vector. Without one, attackers use pixels alone. Exit code 1: an operator that veil
calls anonymising gives away more than solid fill of the same extent.

Examples:
  veil attack people/ --recogniser mobilefacenet.onnx
  veil attack people/ --recogniser a.onnx --recogniser b.onnx --json
  veil attack people/ --operator "blur standard" --operator "solid standard"`;
