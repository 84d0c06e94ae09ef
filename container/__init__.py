"""What is in the image beside kws, and what builds and tries it."""
