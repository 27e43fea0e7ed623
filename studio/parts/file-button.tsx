/** A button that asks for a file. */
import type { ComponentChildren } from "preact";
import { useRef } from "preact/hooks";

interface FileButtonProps {
  readonly accept: string;
  readonly children: ComponentChildren;
  readonly onFile: (file: File) => void;
}

export function FileButton({ accept, children, onFile }: FileButtonProps) {
  const input = useRef<HTMLInputElement>(null);
  return (
    <>
      <button type="button" onClick={() => input.current!.click()}>
        {children}
      </button>
      <input
        ref={input}
        type="file"
        hidden
        accept={accept}
        onChange={({ currentTarget }) => {
          const file = currentTarget.files?.[0];
          currentTarget.value = ""; // the same file may be asked for again
          if (file) onFile(file);
        }}
      />
    </>
  );
}
