// The programs as the image names them in its working directory; here they are the sources.
import '../../autoscaler/main.ts';
