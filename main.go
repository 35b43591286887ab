// Capf issues Locally Significant Certificates to phones.
package main

import (
	"os"

	"capf/commands"
)

func main() {
	os.Exit(commands.Main(os.Args, os.Stdin, os.Stdout, os.Stderr))
}
