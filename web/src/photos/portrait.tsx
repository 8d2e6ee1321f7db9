import classes from "./portrait.module.css";

const shades = ["#fbe9c4", "#f7d48f", "#f5c86f", "#e9a640", "#f2bd5b", "#fadfa8", "#f0b24c", "#dd9230"];
const side = 13;
const cells = Array.from({ length: 30 }, (_, index) => ({
  x: 58 + (index % 5) * side,
  y: 38 + Math.floor(index / 5) * side,
  shade: shades[(index * 5 + Math.floor(index / 3)) % shades.length]!,
  delay: `${(index % 7) * -0.9}s`,
}));

/** A framed portrait whose face is coarse squares: what the program does, in one picture. */
export function Portrait() {
  return (
    <svg className={classes.portrait} viewBox="8 8 165 194" role="presentation" aria-hidden="true">
      <clipPath id="portrait-frame">
        <rect x="8" y="8" width="165" height="194" rx="22" />
      </clipPath>
      <clipPath id="portrait-head">
        <ellipse cx="90.500" cy="76" rx="32" ry="37" />
      </clipPath>
      <g clipPath="url(#portrait-frame)">
        <rect x="8" y="8" width="165" height="194" className={classes.wall} />
        <circle cx="140" cy="48" r="46" className={classes.sun} />
        <path d="M14 214c0-48 32-78 76.500-78S167 166 167 214z" className={classes.shoulders} />
      </g>
      <g clipPath="url(#portrait-head)" shapeRendering="crispEdges">
        <rect x="58" y="38" width="65" height="78" fill="#f0b24c" />
        {cells.map(({ x, y, shade, delay }) => (
          <rect
            key={`${x} ${y}`}
            x={x}
            y={y}
            width={side}
            height={side}
            fill={shade}
            className={classes.cell}
            style={{ animationDelay: delay }}
          />
        ))}
      </g>
      <path
        d="M46 52V40a10 10 0 0 1 10-10h12M113 30h12a10 10 0 0 1 10 10v12M135 100v12a10 10 0 0 1-10 10h-12M68 122H56a10 10 0 0 1-10-10v-12"
        className={classes.corners}
      />
    </svg>
  );
}
